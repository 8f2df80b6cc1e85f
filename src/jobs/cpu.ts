import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Target } from '../results';

/** What this machine's processor is as a target, and what could not be found out. */
export interface MachineTarget {
  target: Extract<Target, 'x86-vnni' | 'x86-avx2' | 'arm64'>;
  /** In a sentence, where the answer is a guess on the safe side, or says less than one would like. */
  note: string | null;
}

/** Where the features of a processor can be read. */
export interface FeatureSources {
  platform: NodeJS.Platform;
  /** Linux: the text of `/proc/cpuinfo`. */
  cpuinfo: () => Promise<string>;
  /** macOS: the value of a `sysctl` name; rejects where there is none. */
  sysctl: (name: string) => Promise<string>;
  /** Whether kernels clip sums of pairs, asked of the kernels; null where that was not tried. */
  pairsClip: () => Promise<boolean | null>;
}

/** The sources of the machine that this runs on. */
export const MACHINE: FeatureSources = {
  platform: process.platform,
  cpuinfo: () => readFile('/proc/cpuinfo', 'utf8'),
  sysctl: async (name) =>
    (await promisify(execFile)('/usr/sbin/sysctl', ['-n', name])).stdout.trim(),
  pairsClip: async () => {
    try {
      const { pairsClip } = await import('../runtime/pair-probe'); // loads the runtime
      return await pairsClip();
    } catch {
      return null;
    }
  },
};

/**
 * Reads the processor's features:
 * 1. Linux: the flags of `/proc/cpuinfo`. macOS: `machdep.cpu.leaf7_features`, or `hw.optional.arm.FEAT_DotProd`.
 * 2. Windows, and where those say nothing: x86 kernels are asked whether they clip; only those with VNNI do not.
 * 3. Where even that fails the answer is the one that is right on every x86 machine: `x86-avx2`, which costs some
 *    weight precision and nothing else. It is said.
 */
export async function machineTarget(
  arch: string = process.arch,
  cpuinfo: () => Promise<string> = MACHINE.cpuinfo,
  sources: Partial<FeatureSources> = {},
): Promise<MachineTarget> {
  const all: FeatureSources = {
    platform: 'linux',
    sysctl: () => Promise.reject(new Error('no sysctl')),
    pairsClip: () => Promise.resolve(null),
    ...sources,
    cpuinfo,
  };
  if (arch === 'arm64') return armTarget(all);
  const flags = await x86Features(all);
  if (flags !== null)
    return { target: /\bavx(512)?_?vnni\b/i.test(flags) ? 'x86-vnni' : 'x86-avx2', note: null };
  const clip = await all.pairsClip();
  if (clip !== null) return { target: clip ? 'x86-avx2' : 'x86-vnni', note: null };
  return {
    target: 'x86-avx2',
    note: 'This system does not tell whether the processor has VNNI, so some weights give up precision that processors without VNNI could not use. Set target: x86-vnni if it has.',
  };
}

/** The target of this machine, from every source that it has. */
export function thisMachine(): Promise<MachineTarget> {
  return machineTarget(process.arch, MACHINE.cpuinfo, MACHINE);
}

/** The list of features as the system writes it; null where it writes none. */
async function x86Features({ platform, cpuinfo, sysctl }: FeatureSources): Promise<string | null> {
  try {
    if (platform === 'darwin') return (await sysctl('machdep.cpu.leaf7_features')) || null;
    if (platform === 'win32') return null;
    return (await cpuinfo()).split('\n').find((line) => line.startsWith('flags')) ?? null;
  } catch {
    return null;
  }
}

/** All ARM64 machines are one target; those without dot products run it, and slower. */
async function armTarget({ platform, cpuinfo, sysctl }: FeatureSources): Promise<MachineTarget> {
  let dot: boolean | null = null;
  try {
    if (platform === 'darwin') dot = (await sysctl('hw.optional.arm.FEAT_DotProd')) === '1';
    else if (platform !== 'win32') {
      const line = (await cpuinfo()).split('\n').find((l) => l.startsWith('Features'));
      if (line) dot = /\basimddp\b/.test(line);
    }
  } catch {
    dot = null;
  }
  return {
    target: 'arm64',
    note:
      dot === false
        ? 'This ARM processor has no dot-product instructions: integer layers run, but gain little speed.'
        : null,
  };
}
