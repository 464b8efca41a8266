// SPDX-License-Identifier: GPL-2.0-only
//
// What the model knows of a sector, and what may become of it.
import type { PlaceState } from "../../cli/device/messages.ts";
import type { Allowed } from "./promises.ts";

export interface Relocation {
  /** Unknown until the target has been asked. */
  readonly slot: number | undefined;
  /** unreadable: the slot could not be read the last time; a later read, or a write, may help. */
  readonly state: "remapped" | "lost" | "unreadable";
}

/** Where a sector is, and what it may hold there: nothing at all if it is lost. */
export interface SectorState {
  /** What main's own medium holds. */
  readonly main: Allowed;
  /** On main, which could not read it the last time. */
  readonly pending: boolean;
  readonly relocation: Relocation | undefined;
  /** What a read gives, if it gives anything. */
  readonly content: Allowed;
}

/** One outcome of a step for one sector. The target says by its table which one has come true. */
export interface Possibility {
  readonly state: SectorState;
  /** The slot is another one than before, and which one is for the target to choose. */
  readonly newSlot: boolean;
  /** The target has relocated it by itself. */
  readonly automatic: boolean;
}

export function union(a: Allowed, b: Allowed): Allowed {
  return [...new Set([...a, ...b])];
}

/** As `verify` and `entries` say it. */
export function placeOf({ pending, relocation }: SectorState): PlaceState {
  if (relocation === undefined) return pending ? "pending" : "main";
  return relocation.state === "remapped" ? "remapped" : "lost";
}

function stays(state: SectorState): Possibility {
  return { state, newSlot: false, automatic: false };
}

/** It is where it was, and holds this. */
export function unchanged(state: SectorState, content = state.content): Possibility {
  if (state.relocation !== undefined) return stays({ ...state, content });
  return stays({ ...state, content, main: content });
}

/** It is where it was, and is known to be readable, or to be written, or not. */
export function marked(
  state: SectorState,
  trouble: boolean,
  content = state.content,
): Possibility {
  const { relocation } = state;
  if (relocation === undefined) {
    return stays({ ...state, pending: trouble, content, main: content });
  }
  return stays({
    ...state,
    content,
    relocation: { ...relocation, state: trouble ? "unreadable" : "remapped" },
  });
}

/** It is on a slot that it was not on before. What main holds depends on who tried to write there. */
export function moved(
  state: SectorState,
  content: Allowed,
  options: { readonly automatic: boolean; readonly main?: Allowed },
): Possibility {
  return {
    state: {
      main: options.main ?? state.main,
      pending: false,
      relocation: { slot: undefined, state: content.length === 0 ? "lost" : "remapped" },
      content,
    },
    newSlot: true,
    automatic: options.automatic,
  };
}

/** It is on main. */
export function backOnMain(main: Allowed): Possibility {
  return stays({ main, pending: false, relocation: undefined, content: main });
}
