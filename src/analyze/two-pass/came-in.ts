/** What a layer does to the noise of the layers before it. */
import type { GraphIndex } from '../../onnx';
import type { NoiseCameIn } from '../../results';
import { nodesSince } from './nodes-since';

/** What was measured at the output of a layer in the quantized model; powers are means over its values. */
export interface Arrived {
  name: string;
  output: string;
  /** Values of a sample. */
  values: number;
  signal: number;
  /** Before it is rounded for its readers. */
  noise: number;
  /** What the layer makes on exact inputs; 0 where the model has it in float, null where it was not measured. */
  made: number | null;
}

/**
 * Of the noise at every layer's output, the part that came in with its inputs: what is there less what the layer makes itself.
 * By how much it has grown, relative to the signal, is told against the outputs of the nearest layers before it, all their
 * values taken together. Layers of which it is not known what they make are missing.
 */
export function noiseCameIn(
  index: GraphIndex,
  layers: readonly Arrived[],
): Map<string, NoiseCameIn> {
  const byOutput = new Map(layers.map((l) => [l.output, l]));
  const found = new Map<string, NoiseCameIn>();
  for (const { name, output, signal, noise, made } of layers) {
    if (made === null) continue;
    const nodes = nodesSince(index, output, (tensor) => byOutput.has(tensor));
    const read = new Set([...nodes].flatMap((node) => node.input));
    const before = [...read].flatMap((tensor) => byOutput.get(tensor) ?? []);
    const came = Math.max(0, noise - made);
    const sum = (of: (l: Arrived) => number) => before.reduce((s, l) => s + of(l) * l.values, 0);
    const [signalIn, noiseIn] = [sum((l) => l.signal), sum((l) => l.noise)];
    const growth = came / signal / (noiseIn / signalIn);
    found.set(name, {
      share: noise > 0 ? came / noise : 0,
      gainDb: growth > 0 && growth < Infinity ? 10 * Math.log10(growth) : null,
    });
  }
  return found;
}
