import { readFile } from 'node:fs/promises';
import type { Target } from '../results';

/** What this machine's processor is as a target, and what could not be found out. */
export interface MachineTarget {
  target: Extract<Target, 'x86-vnni' | 'x86-avx2' | 'arm64'>;
  /** In a sentence, where the answer is a guess on the safe side. */
  note: string | null;
}

/**
 * Reads the processor's features. Where the system does not tell them (Windows, macOS on Intel) the answer is the one
 * that is right on every x86 machine: `x86-avx2`, which costs some weight precision and nothing else.
 */
export async function machineTarget(
  arch: string = process.arch,
  cpuinfo: () => Promise<string> = () => readFile('/proc/cpuinfo', 'utf8'),
): Promise<MachineTarget> {
  if (arch === 'arm64') return { target: 'arm64', note: null };
  let flags: string;
  try {
    flags = (await cpuinfo()).split('\n').find((line) => line.startsWith('flags')) ?? '';
  } catch {
    flags = '';
  }
  if (/\bavx(512)?_vnni\b/.test(flags)) return { target: 'x86-vnni', note: null };
  if (flags !== '') return { target: 'x86-avx2', note: null };
  return {
    target: 'x86-avx2',
    note: 'This system does not tell whether the processor has VNNI, so some weights give up precision that processors without VNNI could not use. Set target: x86-vnni if it has.',
  };
}
