import type { LatencyCause, LatencyProfile, LayerTime, LatencyResult, RunResult } from '../results';
import { badge } from './figures/layers';
import { ms, notMeasured, percent, significant } from './figures/numbers';
import type { Table } from './figures/table';
import { wordsOf } from './modes';
import type { Json } from './json-value';

/** Medians and the speed-up with its interval, in documents. */
export function speedDocument(latency: LatencyResult) {
  return {
    fp32_ms: latency.fp32Ms,
    int8_ms: latency.int8Ms,
    speedup: latency.speedup,
    low: latency.low,
    high: latency.high,
  };
}

/** Kernels that a table names; the rest is summed up. */
const KERNELS = 8;

/** What keeps the written model from being faster, as part of a sentence; empty where nothing was found. */
export function causeText(cause: LatencyCause | null | undefined): string {
  if (!cause) return '';
  const share = `${(cause.share * 100).toFixed(0)} % of the time is`;
  switch (cause.kind) {
    case 'float kernels':
      return `${share} in FP32 ${cause.op}`;
    case 'conversions':
      return `${share} in conversions of type and layout`;
    case 'outside of kernels':
      return `${share} the runtime's own, outside of all kernels`;
    case 'integer kernels':
      return `its integer kernels, ${(cause.share * 100).toFixed(0)} % of the time, are no faster than those of FP32`;
  }
}

/**
 * Where both models spend their time, by kernel. @param plain medians without the profiler, which lengthens short kernels;
 * @param written what the written model is called beside FP32
 */
export function kernelTable(
  { fp32, int8, runs }: LatencyProfile,
  plain: Pick<LatencyResult, 'fp32Ms' | 'int8Ms'>,
  written: string,
): Table {
  const rows = (name: string, { kernels, outsideMs, runMs }: LatencyProfile['fp32']) => {
    const rest = kernels.slice(KERNELS);
    const restMs = rest.reduce((sum, k) => sum + k.ms, 0);
    const nodes = rest.reduce((sum, k) => sum + k.nodes, 0);
    const line = (what: string, as: string, n: string, value: number) => [
      name,
      what,
      as,
      n,
      significant(value),
      percent(runMs > 0 ? value / runMs : null),
    ];
    return [
      ...kernels
        .slice(0, KERNELS)
        .map((k) =>
          line(
            k.kernel,
            k.role === 'conversion' ? 'conversion' : badge(k.precision),
            String(k.nodes),
            k.ms,
          ),
        ),
      ...(rest.length > 0 ? [line(`${rest.length} other kernels`, '', String(nodes), restMs)] : []),
      ...(outsideMs > 0 ? [line('outside of kernels', '', '', outsideMs)] : []),
    ];
  };
  const longer = fp32.outsideMs === 0 || int8.outsideMs === 0;
  return {
    caption: `Where the time goes, by the runtime's profiler in ${runs} interleaved runs${longer ? `; it lengthens short kernels: without it FP32 takes ${ms(plain.fp32Ms)}, ${written} ${ms(plain.int8Ms)}` : ''}`,
    columns: [
      { name: 'Model' },
      { name: 'Kernel' },
      { name: 'As' },
      { name: 'Nodes', right: true },
      { name: 'ms', right: true },
      { name: 'Share', right: true },
    ],
    rows: [...rows('FP32', fp32), ...rows(written, int8)],
  };
}

/** Every layer's time in both models; of a group of layers that share kernels, the change stands in one row. */
export function layerTimesTable({ layers }: LatencyProfile, written: string): Table {
  const time = (share: LayerTime['fp32']) =>
    share ? (share.in === null ? significant(share.ms) : `in ${share.in}`) : notMeasured;
  return {
    columns: [
      { name: 'Layer' },
      { name: 'FP32, ms', right: true },
      { name: `${written}, ms`, right: true },
      { name: 'Conversions, ms', right: true },
      { name: 'Change, ms', right: true },
      { name: 'Interval', right: true },
      { name: '' },
    ],
    rows: layers.map((l) => [
      l.layer,
      time(l.fp32),
      time(l.int8),
      l.int8 && l.int8.conversionMs > 0 ? significant(l.int8.conversionMs) : '',
      l.changeMs ? significant(l.changeMs.value) : '',
      l.changeMs ? `${significant(l.changeMs.low)} … ${significant(l.changeMs.high)}` : '',
      l.slower ? 'slower' : l.group === l.layer ? '' : `with ${l.group}`,
    ]),
  };
}

/** Layers that are slower than in FP32, each with what keeping it should save. */
export function slowerLines({ fixes }: LatencyProfile): string[] {
  return fixes.map(
    ({ layers, savesMs }) =>
      `${layers.join(' + ')} ${layers.length > 1 ? 'take' : 'takes'} ${ms(savesMs)} longer than in FP32; kept there, about that is saved, less what new conversions around it cost`,
  );
}

/** The kernels and the layers that got slower, as a terminal shows them; empty where the nodes were not timed. */
export function profileParts(result: RunResult): { table: Table; slower: string[] } | null {
  const { latency } = result;
  const profile = latency?.profile;
  if (!profile) return null;
  const table = kernelTable(profile, latency, wordsOf(result).column);
  return { table, slower: slowerLines(profile) };
}

/** The profile in `--json`. */
export function profileDocument(latency: LatencyResult): Json {
  const profile = latency.profile ?? null; // results of older versions have none
  if (!profile) return null;
  const model = ({ runMs, outsideMs, kernels }: LatencyProfile['fp32']) => ({
    run_ms: runMs,
    outside_ms: outsideMs,
    kernels: kernels.map((k) => ({ ...k })),
  });
  const share = (found: LayerTime['fp32']) =>
    found && { ms: found.ms, conversion_ms: found.conversionMs, in: found.in };
  return {
    runs: profile.runs,
    threads: profile.threads,
    matched: profile.matched,
    fp32: model(profile.fp32),
    int8: model(profile.int8),
    layers: profile.layers.map((l) => ({
      layer: l.layer,
      group: l.group,
      fp32: share(l.fp32),
      int8: share(l.int8),
      change_ms: l.changeMs && { ...l.changeMs },
      slower: l.slower,
    })),
    cause: profile.cause && { ...profile.cause },
    fixes: profile.fixes.map((f) => ({ layers: f.layers, saves_ms: f.savesMs })),
  };
}
