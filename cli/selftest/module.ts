// SPDX-License-Identifier: GPL-2.0-only
import { loadModule, unloadModule } from "../kmod/load.ts";
import { moduleState } from "../kmod/state.ts";
import type { Scope } from "./scope.ts";

/** Has the module loaded while the scope lasts; one that was loaded before stays so. */
export async function useModule(scope: Scope, signal: AbortSignal): Promise<void> {
  const { alreadyLoaded } = await loadModule({ signal });
  if (!alreadyLoaded) scope.defer("the module", unloadIfLoaded);
}

export async function unloadIfLoaded(): Promise<void> {
  if (moduleState().loaded) await unloadModule([]);
}
