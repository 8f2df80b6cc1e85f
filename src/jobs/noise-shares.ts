import { noiseDb, type OutputSums } from '../analyze/output-sums';
import { partName } from '../quantize/experiments';
import type { OwnResult, SensitivityStage } from '../results';
import type { TwoPass } from './stages/two-pass';

/**
 * Power of a layer's noise over the signal at the outputs, by the stage that tells it; null where it does not know the layer.
 * `part` is {@link partName} of the rounding of its result.
 */
export type NoiseOf = Readonly<Record<SensitivityStage, (part: string) => number | null>>;

/** Parts of the noise that layers alone make, all read from one stage. */
export interface NoiseShares {
  stage: SensitivityStage;
  /** Of the layers that the stage knows: power of the noise, and its part of theirs together. */
  layers: ReadonlyMap<string, { power: number; share: number }>;
}

const BEST_FIRST: readonly SensitivityStage[] = ['exact', 'two-pass', 'analytic'];

/**
 * Each layer's part of the noise by the best stage that knows all of these layers; where none does, by the one that knows most of
 * them, the better first. Stages are never mixed: their decibels are not alike. Null where nothing is known.
 * @param own layers that the rounding of their result belongs to ({@link ownResults})
 */
export function noiseShares(
  layers: readonly string[],
  own: ReadonlySet<string>,
  noiseOf: NoiseOf,
): NoiseShares | null {
  const found = BEST_FIRST.map((stage) => {
    const powers = layers.flatMap((name): [string, number][] => {
      const [power, result] = [
        noiseOf[stage](name),
        own.has(name) ? noiseOf[stage](partName(name, 'result')) : 0,
      ];
      return power === null || result === null ? [] : [[name, power + result]];
    });
    return { stage, powers };
  });
  const { stage, powers } = found.reduce((a, b) => (b.powers.length > a.powers.length ? b : a));
  if (powers.length === 0) return null;
  const total = powers.reduce((sum, [, power]) => sum + power, 0);
  return {
    stage,
    layers: new Map(
      powers.map(([name, power]) => [name, { power, share: total > 0 ? power / total : 0 }]),
    ),
  };
}

/** Power of the noise behind an output SQNR in dB, whose cap is no noise at all. */
export function noiseOfDb(db: number | null | undefined): number | null {
  if (db === null || db === undefined) return null;
  return db >= 150 ? 0 : 10 ** (-db / 10);
}

/** What each stage tells of the rounding of a layer's result alone. */
export function ownResultOf(
  layer: string,
  {
    expected,
    twoPass,
    alone,
  }: {
    expected?: ReadonlyMap<string, number> | null;
    twoPass?: Pick<TwoPass, 'db'> | null;
    alone?: ReadonlyMap<string, Pick<OutputSums, 'noise'>>;
  },
): OwnResult {
  const part = partName(layer, 'result');
  const found = alone?.get(part);
  return {
    expectedDb: expected?.get(part) ?? null,
    twoPassDb: twoPass?.db?.get(part) ?? null,
    onlyThisDb: found ? noiseDb(found.noise) : null,
  };
}
