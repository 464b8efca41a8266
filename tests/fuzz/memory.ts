// SPDX-License-Identifier: GPL-2.0-only
//
// How much memory the kernel takes for itself while something runs, looked at from aside.

/** Kilobytes: what the kernel maps and what its caches hold; none of it is a program's. */
const WATCHED = ["VmallocUsed", "SUnreclaim"];

const WATCHER = `
const watched = ${JSON.stringify(WATCHED)};
let peak;
self.onmessage = ({ data }) => {
  peak = new Int32Array(data);
  setInterval(look, 20);
};
function look() {
  const text = Deno.readTextFileSync("/proc/meminfo");
  let sum = 0;
  for (const name of watched) sum += Number(new RegExp(name + ":\\\\s+(\\\\d+)").exec(text)[1]);
  Atomics.store(peak, 1, sum);
  if (sum > Atomics.load(peak, 0)) Atomics.store(peak, 0, sum);
  Atomics.add(peak, 2, 1);
}`;

export class MemoryWatch implements Disposable {
  readonly #shared = new Int32Array(new SharedArrayBuffer(12));
  readonly #worker: Worker;
  readonly #url = URL.createObjectURL(new Blob([WATCHER], { type: "text/javascript" }));

  constructor() {
    this.#worker = new Worker(this.#url, { type: "module" });
    this.#worker.postMessage(this.#shared.buffer);
  }

  /** From here on. */
  start(): void {
    Atomics.store(this.#shared, 0, Atomics.load(this.#shared, 1));
    this.#from = Atomics.load(this.#shared, 1);
  }

  #from = 0;

  /** Since the start, in kilobytes. */
  get grownKilobytes(): number {
    return this.#from === 0 ? 0 : Atomics.load(this.#shared, 0) - this.#from;
  }

  /** How often it has looked. */
  get looks(): number {
    return Atomics.load(this.#shared, 2);
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    URL.revokeObjectURL(this.#url);
  }
}
