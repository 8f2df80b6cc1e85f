// The machine in words: what a figure depends on, and nothing that names the machine itself.
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';

const cpuinfo = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
const field = (name) => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(cpuinfo)?.[1];

/** True, false, or null where the system does not tell. */
export const vnni = cpuinfo ? /\bavx(512)?_vnni\b/.test(field('flags') ?? '') : null;

/** True where the processor has AMX for int8. */
export const amx = /\bamx_int8\b/.test(field('flags') ?? '');

/** Processor, cores, memory and versions in one line. */
export function machine({ ort }) {
  const [family, model] = [field('cpu family'), field('model')];
  const cpu = (os.cpus()[0]?.model ?? process.arch).replace(/\s+/g, ' ').trim();
  const words = [
    `${cpu}${family ? ` (family ${family}, model ${model})` : ''}`,
    `${os.cpus().length} cores`,
    vnni === null ? 'VNNI unknown' : vnni ? `VNNI${amx ? ' and AMX' : ''}` : 'no VNNI',
    `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    `${process.platform} ${process.arch}`,
    `Node ${process.versions.node}`,
    `onnxruntime-node ${ort}`,
  ];
  return words.join(', ');
}

/** Processes that wanted a core in the last minute, as a share of the cores: above 1 every time is too long. */
export const busy = () => os.loadavg()[0] / os.cpus().length;
