/** Which layers to take out of INT8 next, and what that will leave, by adding noise powers. Pure. */
import type { PlannedLayer } from '../results-mixed';

/** The noise powers that one layer makes at the outputs, relative to the signal, when it alone is quantized. */
export interface LayerNoise {
  layer: string;
  /** That of its weights and bias. */
  weights: number;
  /** What the quantizers of its inputs add to it. */
  inputs: number;
  /** The layers that give its inputs; null for an input that comes from none. */
  givenBy: readonly (string | null)[];
  /** What part of the inputs' noise is that of each; alike where it is not known. */
  parts?: readonly number[];
  /** True where it can have 16-bit activations. */
  wide: boolean;
  /** Layers that are in FP32, too, where this one is: no codes come to them, or nobody needs theirs. */
  takes: readonly string[];
  /** Share of its inputs' noise that stays where it is in FP32 and INT8 layers give them: less than 1 with a scale a channel. */
  stays: number;
}

/** A next step of the search, and the noise power that is expected of it. */
export interface Step {
  choice: PlannedLayer;
  expected: number;
}

/** Layers that go out of INT8 together, and the noise power that is expected of that. */
export interface GroupStep {
  added: PlannedLayer[];
  expected: number;
}

/** INT16 is tried too where it takes away at least this share of what FP32 would. */
const WORTH_INT16 = 0.5;

/** Layers that a plan leaves not in INT8, and their precision: those that it chooses, and what goes along with them. */
export function outOfInteger(
  layers: readonly LayerNoise[],
  choices: readonly PlannedLayer[],
): Map<string, PlannedLayer['precision']> {
  const chosen = new Map(choices.map((c) => [c.layer, c.precision]));
  const kept = layers.filter(({ layer }) => chosen.get(layer) === 'float32');
  for (const { takes } of kept) for (const other of takes) chosen.set(other, 'float32');
  return chosen;
}

/**
 * Noise that a set of choices leaves, by adding up that of single layers. A layer out of INT8 has no noise of its weights (in
 * INT16 that stays); but an input that an INT8 layer gives comes as its codes all the same, and has their noise.
 */
export function noiseSum(layers: readonly LayerNoise[], choices: readonly PlannedLayer[]): number {
  return noiseParts(layers, choices).reduce((sum, part) => sum + part, 0);
}

/** The same part by part: of every layer what its weights leave, then what its inputs do. */
export function noiseParts(
  layers: readonly LayerNoise[],
  choices: readonly PlannedLayer[],
): Float64Array {
  const chosen = outOfInteger(layers, choices);
  const integer = new Set(layers.map((l) => l.layer).filter((layer) => !chosen.has(layer)));
  const parts = new Float64Array(2 * layers.length);
  for (const [i, { layer, weights, inputs, givenBy, stays, parts: of }] of layers.entries()) {
    const precision = chosen.get(layer);
    if (precision !== 'float32') parts[2 * i] = weights;
    if (precision === undefined) parts[2 * i + 1] = inputs;
    else if (givenBy.length > 0) {
      let coded = 0;
      for (const [k, from] of givenBy.entries())
        if (from !== null && integer.has(from)) coded += of?.[k] ?? 1 / givenBy.length;
      const own = precision === 'float32' ? stays : 1;
      parts[2 * i + 1] = own * inputs * coded;
    }
  }
  return parts;
}

/**
 * The most promising next steps from a plan whose noise was measured, best first. Noises of layers add up where they do not
 * know of one another; that they amplify or hide each other is the same factor for a plan and its neighbour: what was
 * measured of the plan over the sum of its parts.
 * @param measured noise of `choices`, as executed; @param most at most so many steps
 */
export function nextSteps(
  layers: readonly LayerNoise[],
  choices: readonly PlannedLayer[],
  measured: number,
  most: number,
): Step[] {
  const expect = expecting(layers, choices, measured);
  const chosen = new Set(choices.map((c) => c.layer));
  const step = (choice: PlannedLayer): Step => ({
    choice,
    expected: expect([...choices, choice]),
  });
  const open = layers.filter((l) => !chosen.has(l.layer));
  const steps = open
    .map(({ layer }) => step({ layer, precision: 'float32' }))
    .filter(({ expected }) => expected < measured)
    .sort((a, b) => a.expected - b.expected)
    .slice(0, most);
  const enough = measured - WORTH_INT16 * (measured - (steps[0]?.expected ?? measured));
  const wide = open
    .filter((l) => l.wide)
    .map(({ layer }) => step({ layer, precision: 'int16' }))
    .filter(({ expected }) => expected < measured && expected <= enough)
    .sort((a, b) => a.expected - b.expected)
    .slice(0, 1);
  return [...steps, ...wide];
}

/**
 * Groups of layers that are worth more together than one by one, the most noise a layer first: those that give the inputs of
 * one layer (two ends of a residual, branches that join), with that layer or without, and a layer with those that read it.
 * An input stays noisy while an INT8 layer gives it, so that each alone may bring nothing.
 * @param measured noise of `choices`, as executed; @param room a group has at most so many layers
 */
export function nextGroups(
  layers: readonly LayerNoise[],
  choices: readonly PlannedLayer[],
  measured: number,
  room: number,
): GroupStep[] {
  const expect = expecting(layers, choices, measured);
  const chosen = new Set(choices.map((c) => c.layer));
  const open = new Set(layers.map((l) => l.layer).filter((layer) => !chosen.has(layer)));
  const groups = new Map<string, string[]>();
  const add = (names: readonly string[]) => {
    const group = [...new Set(names)].sort();
    if (group.length >= 2 && group.length <= room) groups.set(group.join('\n'), group);
  };
  for (const { layer, givenBy } of layers) {
    const givers = givenBy.filter((from): from is string => from !== null && open.has(from));
    add(givers);
    if (open.has(layer)) add([...givers, layer]);
  }
  const kept = (layer: string): PlannedLayer => ({ layer, precision: 'float32' });
  const gain = (names: readonly string[]) =>
    measured - expect([...choices, ...names.map((name) => kept(name))]);
  return [...groups.values()]
    .map((names) => ({ names, gain: gain(names) }))
    .filter(
      (g) =>
        g.gain > SUPERADDITIVE * g.names.reduce((sum, name) => sum + Math.max(0, gain([name])), 0),
    )
    .sort((a, b) => b.gain / b.names.length - a.gain / a.names.length)
    .map(({ names, gain: worth }) => ({
      added: names.map((name) => kept(name)),
      expected: measured - worth,
    }));
}

/** A group must bring so many times what its layers bring one by one. */
const SUPERADDITIVE = 1.01;

/** The same plan with one layer back in INT8, the least noise that this should make first. */
export function withoutOne(
  layers: readonly LayerNoise[],
  choices: readonly PlannedLayer[],
  measured: number,
): { choices: PlannedLayer[]; expected: number }[] {
  const expect = expecting(layers, choices, measured);
  return choices
    .map((_, at) => choices.filter((__, i) => i !== at))
    .map((fewer) => ({ choices: fewer, expected: expect(fewer) }))
    .sort((a, b) => a.expected - b.expected);
}

/** What is expected of plans near one that was measured: its noise, times the ratio of the sums of their parts. */
export function expecting(
  layers: readonly LayerNoise[],
  choices: readonly PlannedLayer[],
  measured: number,
): (others: readonly PlannedLayer[]) => number {
  const sum = noiseSum(layers, choices);
  const factor = sum > 0 ? measured / sum : 1;
  return (others) => factor * noiseSum(layers, others);
}

/** What plans are compared by: less is better in each; null where it was not measured. */
export interface Costs {
  noise: number;
  bytes: number | null;
  /** Milliseconds. */
  time: number | null;
}

/** True for each plan that no other beats: one that is no worse in all that both were measured in, and better in one. */
export function paretoFront(plans: readonly Costs[]): boolean[] {
  const values = (p: Costs) => [p.noise, p.bytes, p.time];
  const beats = (a: Costs, b: Costs) => {
    const [x, y] = [values(a), values(b)];
    const both = x.map((v, i) => [v, y[i]!] as const).filter(([v, w]) => v !== null && w !== null);
    return both.every(([v, w]) => v! <= w) && both.some(([v, w]) => v! < w);
  };
  return plans.map((plan) => !plans.some((other) => other !== plan && beats(other, plan)));
}

/** Layers go on being taken out while each brings this much, in dB. */
export const WORTH_A_LAYER_DB = 0.5;

/**
 * The plan to recommend where there are no limits: along the chain of best plans, one layer more each, the last one up to
 * which every further layer brought {@link WORTH_A_LAYER_DB} on average since the last that was taken.
 * @param chain SQNR of each plan; @param sizes its number of layers
 */
export function worthwhile(
  chain: readonly number[],
  sizes: readonly number[] = chain.map((_, i) => i),
): number {
  let at = 0;
  for (let k = 1; k < chain.length; k++)
    if (chain[k]! - chain[at]! >= WORTH_A_LAYER_DB * (sizes[k]! - sizes[at]!)) at = k;
  return at;
}
