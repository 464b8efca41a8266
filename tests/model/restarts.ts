// SPDX-License-Identifier: GPL-2.0-only
//
// Suspends, reloads, removes and makes again: what lasts must be there again.
import type { RemapStatus } from "../../cli/device/status_line.ts";
import type { Comparison } from "./comparison.ts";
import { codeOf, type TestDevice } from "./device.ts";
import type { Model } from "./model.ts";
import type { Operation } from "./operations.ts";
import { checkOffline } from "./offline.ts";
import { contract, promise6SlotsStayBad } from "./promises.ts";

export type RestartOp = Extract<
  Operation["op"],
  "suspend" | "reload" | "recreate" | "save" | "restore"
>;

export class Restarts {
  constructor(
    private readonly device: TestDevice,
    private readonly model: Model,
    private readonly compare: Comparison,
    /** Compares the status with the model. */
    private readonly checkStatus: () => void,
  ) {}

  async run(op: RestartOp): Promise<void> {
    const before = this.device.status();
    await this.#act(op);
    await this.compare.places({ first: 0, count: this.model.geometry.sectors });
    if (this.model.geometry.spareRange === undefined) return;
    promise6SlotsStayBad(before, this.device.status());
    const view = await this.device.offline();
    contract(
      view.journalUsed === 0,
      `${view.journalUsed} blocks are left in the journal after "${op}"`,
    );
    checkOffline(this.model, view, this.device.status());
  }

  #act(op: RestartOp): Promise<void> {
    switch (op) {
      case "suspend":
        return this.#whileSuspended("remap 0 8", (code) => {
          contract(code === "EBUSY", `remap while suspended: ${code ?? "done"}`);
        });
      case "restore":
        return this.#restore();
      case "save":
        return this.#save();
      case "reload":
        return this.device.reload();
      case "recreate":
        return this.device.recreate().then(() => this.model.recreated());
    }
  }

  /** Suspended, the target moves nothing, and its status stays the same. */
  async #whileSuspended(
    message: string,
    judge: (code: string | undefined, reply: string) => void,
  ): Promise<void> {
    await this.device.suspend();
    try {
      const outcome = await this.device.message(message);
      judge(codeOf(outcome), outcome.ok ? outcome.value : "");
      this.checkStatus();
    } finally {
      await this.device.resume();
    }
  }

  #restore(): Promise<void> {
    const { remapped } = this.model.accounts();
    return this.#whileSuspended("restore", (code, reply) => {
      contract(code === undefined, `restore failed with ${code}`);
      contract(
        reply.trim() === `restored=${remapped}`,
        `restore replied ${reply}, not restored=${remapped}`,
      );
    });
  }

  async #save(): Promise<void> {
    const before = generationOf(this.device.status());
    const outcome = await this.device.message("save");
    contract(outcome.ok, `save failed with ${codeOf(outcome)}`);
    const now = generationOf(this.device.status());
    contract(
      outcome.value.trim() === `saved=${now}` && now > before,
      `save replied ${outcome.value}, generation ${before} became ${now}`,
    );
  }
}

function generationOf({ extra }: RemapStatus): number {
  return Number(extra.get("generation"));
}
