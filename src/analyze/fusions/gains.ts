import type { Model } from '../../onnx';
import type { Fuser, FusionCandidate, FusionGain, FusionPatternName } from '../../results';
import { settleFusions, type RuntimeGraphs } from './settle';

/**
 * Where the runtime registers an optimizer under other names than its class: those that all have to go for it to be gone.
 * A name that it does not know changes nothing, without a word: the tests hold every one to what it does.
 */
const REGISTERED: Readonly<Record<string, readonly string[]>> = {
  MatMulBNFusion: ['MatMul_BatchNormalization_Fusion'],
  PadFusion: ['Pad_Fusion'],
  GeluFusion: ['GeluFusionL1', 'GeluFusionL2'],
  LayerNormFusion: ['LayerNormFusionL1', 'LayerNormFusionL2'],
  QDQFinalCleanupTransformer: ['QDQFinalCleanupTransformer', 'DoubleQDQPairsRemover'],
};

/** An optimizer of the runtime, and the lowest level that has it. */
export interface Optimizer {
  name: string;
  /** What the runtime is told to leave out. */
  registered: readonly string[];
  level: Fuser['level'];
}

/** Optimizers of the runtime that may have made what is done, in the order of their levels. */
export function optimizersOf(fusions: readonly FusionCandidate[]): Optimizer[] {
  const found = new Map<string, Optimizer>();
  const levels: Fuser['level'][] = ['basic', 'extended', 'all'];
  for (const { who, name: names, level } of fusions.flatMap(({ status, by }) =>
    status === 'done' ? by : [],
  )) {
    if (who !== 'runtime') continue;
    for (const name of names.split(', '))
      if (!found.has(name))
        found.set(name, { name, registered: REGISTERED[name] ?? [name], level });
  }
  return [...found.values()].sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}

/**
 * Groups that are one in the runtime's graph and come apart in the graph that it makes without an optimizer, by pattern.
 * @param said what was said before the graph was looked at; @param fusions the same, settled by it
 */
export function comeApart(
  said: readonly FusionCandidate[],
  fusions: readonly FusionCandidate[],
  source: Model,
  without: RuntimeGraphs,
): FusionGain['patterns'] {
  const left = settleFusions(said, source, without);
  const counts = new Map<FusionPatternName, number>();
  fusions.forEach(({ status, pattern }, i) => {
    if (status !== 'done' || left[i]!.status === 'done') return;
    counts.set(pattern, (counts.get(pattern) ?? 0) + 1);
  });
  return [...counts].map(([pattern, count]) => ({ pattern, fusions: count }));
}
