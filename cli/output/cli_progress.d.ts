// SPDX-License-Identifier: GPL-2.0-only
// What of cli-progress this program uses.
declare class SingleBar {
  constructor(options: {
    readonly format: string;
    readonly stream: NodeJS.WritableStream;
    readonly barsize: number;
    readonly clearOnComplete: boolean;
    readonly hideCursor: null;
    readonly fps: number;
    readonly gracefulExit: boolean;
    readonly etaAsynchronousUpdate: boolean;
    readonly etaBuffer: number;
  });
  start(total: number, value: number, payload: Record<string, string>): void;
  update(value: number, payload: Record<string, string>): void;
  stop(): void;
}

declare const progress: { readonly SingleBar: typeof SingleBar };
export default progress;
