/** What a search tries, as recipes write it: the ways to quantize, and what can be changed about each. Pure. */
import type { Mode, SearchCandidate } from '../../results';

/** What decides which candidates make sense. */
export interface SearchFacts {
  /** Modes that the target has operators for; null for all. */
  modes: readonly Mode[] | null;
  /** There is data to calibrate on. */
  calibrated: boolean;
  /** Operators of layers that static mode quantizes though none of them has weights. */
  opsWithoutWeights: readonly string[];
  /** Types of activations that the target takes, the default first. */
  activations: readonly ('uint8' | 'int8')[];
  /** The target takes activations of 16 bits. */
  takesWide: boolean;
  /** The recipe limits the size of the file, or the target computes in float16. */
  wantsHalf: boolean;
  /** `quantization:` of the recipe, where it names one. */
  own: Record<string, unknown> | null;
}

/** A change of one key, by which a candidate differs from the one that it comes from. */
export interface Variation {
  /** Key that it changes: of several that change the same one only one can be taken. */
  axis: string;
  name: string;
  change: (quantization: Record<string, unknown>) => Record<string, unknown>;
  /** Only where 8 bits lose too much. */
  rescue?: true;
}

const plain = (name: string, mode: Mode, more: Record<string, unknown> = {}): SearchCandidate => ({
  name,
  mode,
  quantization: { mode, ...more },
  keep: [],
  wide: [],
});

/** One candidate for each way to quantize, the most promising first: a few kernels each, whose speed decides what goes on. */
export function firstCandidates(facts: SearchFacts): SearchCandidate[] {
  const { own, opsWithoutWeights } = facts;
  const all: SearchCandidate[] = [];
  if (own) {
    const mode = (own.mode ?? 'static') as Mode;
    all.push({ ...plain('as the recipe says', mode), quantization: own });
  }
  all.push(plain('dynamic', 'dynamic'));
  if (facts.calibrated) {
    all.push(plain('static', 'static'));
    if (opsWithoutWeights.length > 0)
      all.push({
        ...plain('static, layers with weights only', 'static'),
        keep: opsWithoutWeights.map((op) => ({ op })),
      });
  }
  all.push(plain('weight-only uint4', 'weight-only', { weights: { type: 'uint4' } }));
  all.push(plain('weight-only int8', 'weight-only', { weights: { type: 'int8' } }));
  if (facts.wantsHalf) all.push(plain('float16', 'float16'));
  const same = (a: SearchCandidate, b: SearchCandidate) =>
    JSON.stringify([a.quantization, a.keep]) === JSON.stringify([b.quantization, b.keep]);
  return all
    .filter((one, i) => !all.slice(0, i).some((before) => same(before, one)))
    .filter(({ mode }) => facts.modes?.includes(mode) ?? true);
}

/** What is not tried at all, with the reason: the log says it once. */
export function notTried(facts: SearchFacts): { name: string; mode: Mode; why: string }[] {
  const takes = (mode: Mode) => facts.modes?.includes(mode) ?? true;
  const all: { name: string; mode: Mode; why: string }[] = [];
  if (!facts.calibrated && takes('static'))
    all.push({ name: 'static', mode: 'static', why: 'it needs calibration data' });
  if (!facts.wantsHalf && takes('float16'))
    all.push({
      name: 'float16',
      mode: 'float16',
      why: 'CPUs compute it in float32, so it saves size alone, and no limit asks for that',
    });
  return all;
}

const part = (key: string, inner: Record<string, unknown>) => (q: Record<string, unknown>) => ({
  ...q,
  [key]: { ...(q[key] as object | undefined), ...inner },
});

/** What can be changed about a candidate, the most promising first. */
export function variationsOf(
  { mode, quantization }: SearchCandidate,
  facts: SearchFacts,
): readonly Variation[] {
  if (mode === 'static') return staticVariations(facts);
  if (mode === 'dynamic') return [GRANULARITY];
  return mode === 'weight-only' ? weightOnlyVariations(quantization) : [];
}

const GRANULARITY: Variation = {
  axis: 'granularity',
  name: 'one scale per weight tensor',
  change: part('weights', { granularity: 'tensor' }),
};

function staticVariations({ activations, takesWide }: SearchFacts): Variation[] {
  const observer = (name: string, more: Record<string, unknown> = {}): Variation => ({
    axis: 'observer',
    name: `observer ${[name, ...Object.values(more)].join(' ')}`,
    change: part('activations', { observer: name, ...more }),
  });
  const type = (name: string): Variation => ({
    axis: 'type',
    name: `${name} activations`,
    change: part('activations', { type: name }),
  });
  return [
    observer('mse'),
    observer('minmax'),
    observer('percentile', { percentile: 99.99 }),
    ...activations.slice(1).map(type),
    observer('entropy'),
    GRANULARITY,
    {
      axis: 'improve',
      name: 'without bias correction',
      change: (q) => ({ ...q, improve: [] }),
    },
    observer('percentile', { percentile: 99.9 }),
    observer('moving-average'),
    ...(takesWide ? [{ ...type('uint16'), rescue: true as const }] : []),
  ];
}

function weightOnlyVariations({ weights }: Record<string, unknown>): Variation[] {
  const type = (weights as { type?: string } | undefined)?.type ?? 'uint4';
  const hqq = { axis: 'method', name: 'method hqq', change: part('weights', { method: 'hqq' }) };
  const int4 = { axis: 'type', name: 'int4', change: part('weights', { type: 'int4' }) };
  return [
    ...(type.startsWith('u') ? [hqq] : []),
    ...[64, 128, 16].map((block) => ({
      axis: 'block',
      name: `blocks of ${block}`,
      change: part('weights', { block }),
    })),
    ...(type === 'uint4' ? [int4] : []),
    {
      axis: 'level',
      name: 'float32 activations',
      change: part('weights', { accuracy_level: 1 }),
    },
  ];
}

/** A candidate with changes made to it. */
export function varied(
  candidate: SearchCandidate,
  variations: readonly Variation[],
): SearchCandidate {
  return {
    ...candidate,
    name: [candidate.name, ...variations.map(({ name }) => name)].join(', '),
    quantization: variations.reduce((q, { change }) => change(q), candidate.quantization),
  };
}

/** Variations that can be made together: the best of each axis, by what each gained alone. */
export function combined(
  gains: readonly { variation: Variation; gain: number }[],
  least: number,
): Variation[] {
  const best = new Map<string, { variation: Variation; gain: number }>();
  for (const one of gains) {
    const before = best.get(one.variation.axis);
    if (one.gain >= least && (!before || one.gain > before.gain)) best.set(one.variation.axis, one);
  }
  return [...best.values()].map(({ variation }) => variation);
}
