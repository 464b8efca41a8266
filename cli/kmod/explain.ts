// SPDX-License-Identifier: GPL-2.0-only
// Why a kernel refuses a module, from the little that insmod says. A pure function.

/** What is known when a load has failed. */
export interface LoadFailure {
  /** What insmod wrote. */
  readonly stderr: string;
  /** The end of the kernel log, if it could be read. */
  readonly kernelLog: readonly string[];
  readonly lockdown: string | undefined;
  /** What the module was built for. */
  readonly vermagic: string | undefined;
  readonly release: string;
}

/** A reason and what to do about it. */
export interface Explanation {
  readonly reason: string;
  readonly cure: string;
}

const SIGNING = "sign the module with a key that the machine trusts (mokutil --import), or turn " +
  "Secure Boot off";

/** The first rule whose pattern insmod's words or the kernel log match. */
const RULES: readonly (readonly [RegExp, (failure: LoadFailure) => Explanation])[] = [
  [/key was rejected|required key not available|module verification failed.*enforc/i, () => ({
    reason: "this kernel takes signed modules only (Secure Boot)",
    cure: SIGNING,
  })],
  [/lockdown/i, ({ lockdown }) => ({
    reason: `the kernel is locked down${lockdown === undefined ? "" : ` (${lockdown})`}`,
    cure: SIGNING,
  })],
  [/unknown symbol/i, ({ kernelLog }) => {
    const symbols = kernelLog.flatMap((line) => /unknown symbol (\w+)/i.exec(line)?.[1] ?? []);
    return {
      reason: `the kernel lacks ${
        symbols.length === 0 ? "a symbol" : [...new Set(symbols)].join(", ")
      }`,
      cure: "modprobe dm-mod, and build again with `dmremap-ts kmod build --fresh`",
    };
  }],
  [/invalid module format|exec format|disagrees about version|version magic/i, (failure) => ({
    reason: `the module was built for ${failure.vermagic ?? "another kernel"}, ` +
      `this is ${failure.release}`,
    cure: "build it for this kernel with `dmremap-ts kmod build --fresh`",
  })],
  [/operation not permitted/i, ({ lockdown }) =>
    lockdown === undefined || lockdown === "none"
      ? {
        reason: "the kernel does not permit it (no root, or modules were disabled)",
        cure: "run this as root; if /proc/sys/kernel/modules_disabled is 1, only a reboot helps",
      }
      : { reason: `the kernel is locked down (${lockdown})`, cure: SIGNING }],
  [/invalid parameters|unknown parameter|invalid argument/i, () => ({
    reason: "the kernel does not take one of the parameters",
    cure: "`dmremap-ts kmod status` shows the parameters of a loaded module",
  })],
  [/cannot allocate memory/i, () => ({ reason: "the kernel is out of memory", cure: "" })],
  [/file exists/i, () => ({
    reason: "a module of this name is loaded already, or a remap target is built in",
    cure: "`dmremap-ts kmod status` shows it",
  })],
];

/** Says in a sentence why the kernel refused the module. */
export function explainLoadFailure(failure: LoadFailure): Explanation {
  const evidence = [failure.stderr, ...failure.kernelLog].join("\n");
  const rule = RULES.find(([pattern]) => pattern.test(evidence));
  if (rule !== undefined) return rule[1](failure);
  const words = failure.stderr.trim().split("\n").at(-1) ?? "";
  return { reason: words === "" ? "insmod failed" : words, cure: "dmesg has the kernel's reason" };
}
