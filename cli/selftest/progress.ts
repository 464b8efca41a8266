// SPDX-License-Identifier: GPL-2.0-only
// What somebody sees who waits for the stages to end.
import type { SelftestEvent } from "./events.ts";

export interface ProgressSinks {
  /** Shows a line for good. */
  readonly line: (text: string) => void;
  /** Shows a line until the next one; "" takes it away. */
  readonly transient: (text: string) => void;
}

/** Turns events into a line for each stage and each failed case, and one for what is running. */
export class Progress {
  #cases = 0;
  #failed = 0;

  constructor(private readonly sinks: ProgressSinks) {}

  take(event: SelftestEvent): void {
    switch (event.event) {
      case "stage":
        this.sinks.transient(`${event.stage} ...`);
        break;
      case "case": {
        const step = event.step === "" ? "" : `${event.step}: `;
        this.sinks.transient(`${event.stage} ... ${step}${event.name}`);
        break;
      }
      case "case-end":
        this.#cases++;
        if (event.outcome !== "passed") this.#failed++;
        if (event.outcome === "failed") this.#showFailure(event);
        break;
      case "stage-end":
        this.sinks.transient("");
        this.sinks.line(this.#stageLine(event));
        this.#cases = 0;
        this.#failed = 0;
        break;
      case "complaint":
        this.sinks.transient("");
        this.sinks.line(`the kernel complained: ${event.text.split("\n")[0]}`);
        break;
    }
  }

  /** At once: a stage may take minutes, and a guest may not live to its end. */
  #showFailure(event: Extract<SelftestEvent, { event: "case-end" }>): void {
    const step = event.step === "" ? "" : `${event.step}: `;
    const reason = (event.detail ?? "").split("\n")[0];
    this.sinks.transient("");
    this.sinks.line(`${event.stage}: FAILED ${step}${event.name}: ${reason}`);
  }

  #stageLine(event: Extract<SelftestEvent, { event: "stage-end" }>): string {
    const seconds = (event.ms / 1000).toFixed(1);
    const failed = this.#failed > 0 ? `, ${this.#failed} of them not passed` : "";
    const noun = this.#cases === 1 ? "case" : "cases";
    const cases = this.#cases > 0 ? `, ${this.#cases} ${noun}${failed}` : "";
    const reason = event.detail === undefined ? "" : `: ${event.detail}`;
    return `${event.stage}: ${event.outcome} (${seconds} s${cases})${reason}`;
  }
}
