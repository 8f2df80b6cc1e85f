import type { LatencyCause, LatencyFix, LayerTime, ModelTime } from '../../results';
import type { Side } from './sides';

/** From this share of a run on a part of it is named as what keeps the model from being faster. */
const WORTH_NAMING = 0.25;
/** A layer that is slower is worth keeping if it takes so much more of the written model's run. */
const WORTH_KEEPING = 0.02;

/**
 * What keeps the written model from being faster:
 * 1. the largest part of its run that integer kernels cannot shorten, if it is a quarter or more: the float kernels of one
 *    operator, conversions, or what passes outside of kernels;
 * 2. else its integer kernels, if all layers together take no less time than in FP32;
 * 3. else nothing.
 */
export function causeOf(
  { runMs, outsideMs, kernels }: ModelTime,
  layers: readonly LayerTime[],
): LatencyCause | null {
  if (runMs <= 0) return null;
  const share = (of: ModelTime['kernels']) => of.reduce((total, k) => total + k.share, 0);
  const causes: LatencyCause[] = [
    { kind: 'outside of kernels', op: null, share: outsideMs / runMs },
    {
      kind: 'conversions',
      op: null,
      share: share(kernels.filter(({ role }) => role === 'conversion')),
    },
    ...kernels
      .filter(({ role, precision }) => role !== 'conversion' && isFloat(precision))
      .map((k): LatencyCause => ({ kind: 'float kernels', op: k.kernel, share: k.share })),
  ];
  const worst = causes.reduce((a, b) => (b.share > a.share ? b : a));
  if (worst.share >= WORTH_NAMING) return worst;
  const change = layers.reduce((total, l) => total + (l.changeMs?.value ?? 0), 0);
  if (change < 0) return null;
  const integer = kernels.filter(({ role, precision }) => role === 'layer' && !isFloat(precision));
  return { kind: 'integer kernels', op: null, share: share(integer) };
}

/** Groups of layers that are slower in integers by enough to be worth a word, the most to save first. */
export function fixesOf(
  layers: readonly LayerTime[],
  { nodes }: Side,
  { runMs }: ModelTime,
): LatencyFix[] {
  const integer = new Set(
    nodes.flatMap((n) => (n.role === 'layer' && !isFloat(n.precision) ? n.layers : [])),
  );
  const members = new Map<string, string[]>();
  for (const { layer, group } of layers)
    if (integer.has(layer)) members.set(group, [...(members.get(group) ?? []), layer]);
  return layers
    .filter(({ slower, changeMs }) => slower && changeMs!.value >= WORTH_KEEPING * runMs)
    .map(({ group, changeMs }) => ({
      layers: members.get(group) ?? [],
      savesMs: changeMs!.value,
    }))
    .filter((fix) => fix.layers.length > 0)
    .sort((a, b) => b.savesMs - a.savesMs);
}

function isFloat(precision: string): boolean {
  return /float/.test(precision);
}
