/** What every layer alone does to the outputs, as the search for plans and its tables read it. */
import { experimentName } from '../../analyze/grouped-sensitivity';
import type { LayerNoise } from '../../analyze/mixed-precision';
import type { OutputSums } from '../../analyze/output-sums';
import { GraphIndex } from '../../onnx';
import { placeFor } from '../../quantize/place-for';
import type { Placement } from '../../quantize/placement';
import type { Unit } from '../../quantize/units';
import { whyNotWide } from '../../quantize/wide';
import type { LayerSensitivity } from '../../results-mixed';
import { forcedLayers } from '../forced';
import { channelsFor } from '../modes/static';
import type { Plan } from '../plan';
import type { Study } from '../study';
import { holdsWide } from '../targets';

/** True where layers of a plan may get 16-bit activations. */
export function takesWide({ recipe, traits, wideType }: Plan): boolean {
  return recipe.quantization.mode === 'static' && holdsWide(traits) && wideType === null;
}

/** Noise power relative to the signal. */
export function relative(sums: OutputSums): number {
  const { signal, noise } = sums.noise;
  return signal > 0 ? noise / signal : 0;
}

/** Noise of the layers that a plan may take out of INT8, from trying each alone. */
export function layerNoises(
  study: Study,
  alone: ReadonlyMap<string, OutputSums>,
  wide: boolean,
): LayerNoise[] {
  const { subject, quantized } = study;
  const index = new GraphIndex(subject.prepared.graph);
  const byOutput = new Map(subject.units.map((u) => [u.output, u.name]));
  const passes = new Set(quantized.placement?.passthrough ?? []);
  const kept = whereKept(study);
  /** The layer whose codes a tensor is, through nodes that only move them. */
  const giver = (tensor: string): string | null => {
    const layer = byOutput.get(tensor);
    if (layer !== undefined) return layer;
    const node = index.producer(tensor);
    return node && passes.has(node) ? giver(node.input[0]!) : null;
  };
  return quantized.units.flatMap(({ unit, integer, precision }): LayerNoise[] => {
    const whole = alone.get(unit.name);
    if (!integer || precision === 'int16' || !whole) return [];
    const total = relative(whole);
    const weights = total * weightShare(unit, alone);
    return [
      {
        layer: unit.name,
        weights,
        inputs: total - weights,
        givenBy: unit.inputs.map(giver),
        parts: partsOf(study, unit),
        wide: wide && whyNotWide(unit) === null,
        ...kept(unit),
      },
    ];
  });
}

/** How the noise of a layer's inputs is made up: that of rounding is the square of the scale. */
function partsOf({ quantized: { params, placement } }: Study, { inputs }: Unit): number[] {
  const powers = inputs.map((t) => (params.get(placement?.quantized.get(t) ?? t)?.scale ?? 0) ** 2);
  const all = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => (all > 0 ? power / all : 1 / powers.length));
}

/** How much of a layer's noise is that of its weights: of what both parts make, each alone. */
function weightShare(unit: Unit, alone: ReadonlyMap<string, OutputSums>): number {
  const of = (parts: 'weights' | 'activations') => {
    const sums = alone.get(experimentName({ unit, parts }));
    return sums ? relative(sums) : 0;
  };
  const [weights, activations] = [of('weights'), of('activations')];
  return weights > 0 ? weights / (weights + activations) : 0;
}

/** What else changes where one layer is kept; nothing in modes that place no codes. */
function whereKept(study: Study): (unit: Unit) => Pick<LayerNoise, 'takes' | 'stays'> {
  const { plan, subject, quantized, calibrated } = study;
  if (!quantized.placement || !calibrated) return () => ({ takes: [], stays: 1 });
  const { prepared, units, typeOf } = subject;
  const { params, wishes } = quantized;
  const forced = forcedLayers(plan, wishes);
  const kept = units.map(({ name }) => name).filter((name) => wishes.get(name)?.keep);
  const place = (more: readonly string[]) =>
    placeFor(
      plan.traits.family,
      prepared,
      units,
      { keep: new Set([...kept, ...more]), forced },
      typeOf,
    );
  const integer = ({ units: placed }: Placement) =>
    new Set(placed.filter((u) => u.integer).map(({ unit }) => unit.name));
  const channelsOf = channelsFor(plan, calibrated, params);
  const all = integer(place([]));
  return ({ name, inputs }) => {
    const without = place([name]);
    const left = integer(without);
    const [input = ''] = inputs;
    const channels = without.channelwise.has(input) ? channelsOf(input) : null;
    const { scale } = params.get(input) ?? { scale: 1 };
    return {
      takes: [...all].filter((other) => other !== name && !left.has(other)),
      stays: channels ? mean(channels.map((c) => (c.scale / scale) ** 2)) : 1,
    };
  };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The same as a table of layers. */
export function sensitivities(
  { quantized }: Study,
  alone: ReadonlyMap<string, OutputSums>,
  noises: readonly LayerNoise[],
  slower: readonly string[] | null,
): LayerSensitivity[] {
  const total = noises.reduce((sum, n) => sum + n.weights + n.inputs, 0);
  const byName = new Map(noises.map((n) => [n.layer, n]));
  return quantized.units.flatMap(({ unit }): LayerSensitivity[] => {
    const noise = byName.get(unit.name);
    if (!noise) return [];
    const measures = alone.get(unit.name)!.measures;
    const part = (parts: 'weights' | 'activations') =>
      alone.get(experimentName({ unit, parts }))?.measures.sqnrDb ?? null;
    return [
      {
        layer: unit.name,
        op: unit.sourceOp,
        onlyThisDb: measures.sqnrDb,
        weightsDb: part('weights'),
        activationsDb: part('activations'),
        cosine: measures.cosine,
        klNats: measures.klNats,
        sameLabel: measures.sameLabel,
        noiseShare: total > 0 ? (noise.weights + noise.inputs) / total : null,
        slower: slower?.includes(unit.name) ?? null,
      },
    ];
  });
}
