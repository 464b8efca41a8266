// SPDX-License-Identifier: GPL-2.0-only
//
// A copy that does not come to its end: the device goes on as it was.
import type { Scene } from "./guest.ts";

type Step = (what: string, action: () => Promise<void>) => Promise<void>;

export async function failures(_scene: Scene, _step: Step): Promise<void> {
}
