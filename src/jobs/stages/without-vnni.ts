import {
  pairLayers,
  runPairs,
  type PairLayer,
  type PairRun,
  type PairsState,
} from '../../analyze/without-vnni';
import type { PairArithmetic } from '../../quantize/pair-sums';
import { isRecurrent } from '../../quantize/recurrent';
import { pairsClip } from '../../runtime/pair-probe';
import { OutputDifference } from '../../analyze/output-difference';
import { takeAttentionApart } from '../../analyze/attention-apart';
import { executingNodes } from '../../analyze/executed';
import { productsApart } from '../../analyze/executed-apart';
import {
  modelHash,
  topologicalOrder,
  type Feed,
  type Model,
  type NodeProto,
  type TensorValue,
} from '../../onnx';
import type { ModelWithoutVnni, RunResult } from '../../results';
import { runtimeVersion } from '../../runtime/session';
import { addNote, type JobContext } from '../context';
import { fillPairs } from '../fill';
import { ENGINE_VERSION, feedsHash, keyOf, processor } from '../keys';
import type { Subject } from '../subject';
import { findOnce } from '../unfinished';
import type { Verified } from './verify';

/** The run costs about this many multiply-accumulates a second in layers that can clip: samples are so many that it takes two, */
const SAMPLE_MACS = 8e8;
/** but no more than these. */
const MOST_SAMPLES = 16;
/** A single sample of more than this is not run. */
const MOST_MACS = 5e9;

/** What to do about it; a file for x86-avx2 clips only far beyond what calibration saw. */
function remedyOf({ target }: Pick<RunResult, 'target'>): string {
  if (target === 'fpga-fixed')
    return 'The fixed-point export is not concerned. Open this file there with the session option session.x64quantprecision = 1.';
  return target === 'x86-avx2'
    ? 'Calibrate on more samples, or on more varied ones: clipping begins 1.5 times beyond what they showed of a channel.'
    : 'Write it with target: x86-avx2, or open it there with the session option session.x64quantprecision = 1.';
}

/** Layers that add pairs in 16 bits where there is no VNNI. */
export interface Pairs {
  layers: ReadonlyMap<string, PairLayer>;
  /** What they are layers of: the graph that the runtime executes here, or one in which QAttention is taken apart. */
  graph: Model;
  /** True for the second. */
  apart: boolean;
}

/** Layers that add pairs in 16 bits where there is no VNNI, from the graph that the runtime executes here. */
export function pairsOf(subject: Subject, { optimized }: Verified): Pairs {
  const whole = optimized.graph.node.some(({ opType }) => opType === 'QAttention');
  const graph = whole ? optimized.copy() : optimized;
  const nodes = executingNodes(graph, subject.units, subject.prepared);
  const products = takeAttentionApart(graph);
  if (products.size > 0) graph.graph.node = topologicalOrder(graph.graph);
  const lists = new Map<string, NodeProto[]>(
    [...nodes].map(([name, node]) => [name, [products.get(node) ?? node]]),
  );
  for (const { name, node } of subject.units) {
    const apart = isRecurrent(node) ? productsApart(graph, name) : [];
    if (apart.length > 0) lists.set(name, apart);
  }
  return { layers: pairLayers(graph, lists), graph, apart: products.size > 0 };
}

/**
 * Runs the model with the arithmetic of an x86 processor without VNNI and says what changes. Nothing is run where no
 * layer can clip, or one sample would take too long; a note says which.
 */
export async function withoutVnniStage(
  result: RunResult,
  { open }: Verified,
  { layers: pairs, graph, apart }: Pairs,
  feeds: readonly Feed[],
  context: JobContext,
): Promise<void> {
  const risky = [...pairs].filter(([, p]) => p.canClip > 0);
  if (risky.length === 0) return;
  const names = new Set(risky.map(([name]) => name));
  const macs = result.layers.reduce((sum, l) => sum + (names.has(l.name) ? (l.macs ?? 0) : 0), 0);
  if (feeds.length === 0 || macs > MOST_MACS || risky.some(([, p]) => p.onlyLookedAt)) {
    noteRisk(result, { layers: pairs });
    return;
  }
  const count = Math.max(1, Math.min(MOST_SAMPLES, Math.floor(SAMPLE_MACS / Math.max(macs, 1))));
  const chosen = feeds.slice(0, count);
  await context.meter.begin('layer errors', 1, 'without VNNI');
  const step = (done: number, total: number) => context.meter.step(done, total, 'without VNNI');
  const nativeClips = await pairsClip();
  const ran = keyOf(
    ...['pairs', ENGINE_VERSION, runtimeVersion(), processor(), nativeClips],
    ...[modelHash(graph), [...pairs.keys()], feedsHash(chosen)],
  );
  const run = (arithmetic: PairArithmetic) =>
    findOnce<PairRun, PairsState>(context.store, 'pairs', keyOf(ran, arithmetic), (resume) =>
      runPairs(graph, pairs, chosen, { arithmetic, nativeClips }, step, resume),
    );
  const clipped = await run('clipped');
  let exact: Record<string, TensorValue>[] = [];
  // parts add in another order than the whole: compared with parts, nothing but clipping differs
  if (nativeClips || apart) exact = (await run('exact')).outputs;
  else {
    const session = await open();
    for (const feed of chosen) exact.push(await session.run(feed));
  }
  fillPairs(result, pairs, clipped.layers);
  result.withoutVnni = compare(exact, clipped.outputs, (await open()).outputs[0] ?? '');
  noteClipping(result);
}

/** Says that layers can clip where nothing was run. */
export function noteRisk(result: RunResult, { layers: pairs }: Pick<Pairs, 'layers'>): void {
  const risky = [...pairs.values()].filter((p) => p.canClip > 0);
  if (risky.length === 0) return;
  addNote(result.notes, {
    code: 'can-clip-without-vnni',
    severity: 'info',
    message: `On x86 processors without VNNI some inputs make ${risky.length} of ${pairs.size} integer layers clip; how much was not measured.`,
    remedy: remedyOf(result),
  });
}

function noteClipping(result: RunResult): void {
  const { withoutVnni, layers } = result;
  const clipping = layers.filter((l) => (l.withoutVnni?.clippedShare ?? 0) > 0);
  const all = layers.filter((l) => l.withoutVnni !== null).length;
  if (!withoutVnni || withoutVnni.outputs.length === 0) return;
  const { samples, outputs, sameLabel } = withoutVnni;
  if (clipping.length === 0) {
    addNote(result.notes, {
      code: 'can-clip-without-vnni',
      severity: 'info',
      message: `On x86 processors without VNNI some inputs make ${layers.filter((l) => (l.withoutVnni?.canClip ?? 0) > 0).length} of ${all} integer layers clip; on ${samples} samples nothing did.`,
      remedy: remedyOf(result),
    });
    return;
  }
  const [worst] = [...outputs].sort((a, b) => a.sqnrDb - b.sqnrDb);
  // outputs that are not float32 (float16, labels) are not compared
  const differs = worst
    ? `: '${worst.name}' differs by up to ${worst.maxAbs.toPrecision(2)} (${worst.sqnrDb.toFixed(1)} dB)`
    : '';
  const labels =
    sameLabel === null || sameLabel === 1
      ? ''
      : `, ${samples - Math.round(sameLabel * samples)} of ${samples} labels change`;
  addNote(result.notes, {
    code: 'clips-without-vnni',
    severity: 'warning',
    message: `On x86 processors without VNNI ${clipping.length} of ${all} integer layers clip${differs}${labels}.`,
    remedy: remedyOf(result),
  });
}

function compare(
  exact: readonly Record<string, TensorValue>[],
  clipped: readonly Record<string, TensorValue>[],
  first: string,
): ModelWithoutVnni {
  const difference = new OutputDifference(first);
  for (const [i, sample] of exact.entries()) difference.add(sample, clipped[i]!);
  const { outputs, sameLabel } = difference;
  return {
    samples: exact.length,
    outputs: outputs.map(([name, { sqnrDb, maxAbs }]) => ({ name, sqnrDb, maxAbs })),
    sameLabel,
  };
}
