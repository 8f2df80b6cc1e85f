/** What every layer alone does to the outputs, as the search for plans and its tables read it. */
import { experimentName } from '../../analyze/grouped-sensitivity';
import type { LayerNoise } from '../../analyze/mixed-precision';
import type { OutputSums } from '../../analyze/output-sums';
import { GraphIndex } from '../../onnx';
import { whyNotWide } from '../../quantize/wide';
import type { LayerSensitivity } from '../../results-mixed';
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
  { subject, quantized }: Study,
  alone: ReadonlyMap<string, OutputSums>,
  wide: boolean,
): LayerNoise[] {
  const index = new GraphIndex(subject.prepared.graph);
  const byOutput = new Map(subject.units.map((u) => [u.output, u.name]));
  const passes = new Set(quantized.placement?.passthrough ?? []);
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
    const own = alone.get(experimentName({ unit, parts: 'weights' }));
    const weights = own ? Math.min(total, relative(own)) : 0;
    return [
      {
        layer: unit.name,
        weights,
        inputs: total - weights,
        givenBy: unit.inputs.map(giver),
        wide: wide && whyNotWide(unit) === null,
      },
    ];
  });
}

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
