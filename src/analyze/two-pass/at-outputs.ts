/** What the layers without weights that give the outputs do to noise, as measured. */
import { size } from '../analytic/field';
import { Gains, type Carrying } from '../analytic/gain';
import type { Net } from '../analytic/net';
import { nodesSince } from './nodes-since';
import type { LayerPasses, OutputPower } from './passes';

/** No factor is beyond this, or below one by it. */
const MOST = 100;

interface Task {
  net: Net;
  carry: Carrying;
  layers: readonly LayerPasses[];
  outputs: ReadonlyMap<string, OutputPower>;
}

/**
 * By how much more than expected noise grows on its way to the tensors between the last layer with weights and an output: what
 * was measured there, over what is expected from the noise that was measured before. A Softmax, for one, gives far less of it
 * than its slope at normal values tells.
 */
export function outputFactors({ net, carry, layers, outputs }: Task): Map<string, number> {
  const byOutput = new Map(layers.map((l) => [l.unit.output, l]));
  const noiseAt = (tensor: string) =>
    byOutput.get(tensor)?.arrived ?? outputs.get(tensor)?.noise ?? null;
  const factors = new Map<string, number>();
  for (const output of outputs.keys())
    for (const tensor of withoutWeights(net, byOutput, output)) {
      const measured = noiseAt(tensor);
      if (measured === null || factors.has(tensor)) continue;
      const since = nodesSince(net.index, tensor, (name) => noiseAt(name) !== null);
      const nodes = net.nodes.filter((node) => since.has(node));
      const seeds = new Map([[tensor, 1 / size(net.dims(tensor) ?? [1])]]);
      const gains = new Gains(carry, { seeds, nodes });
      const before = new Set(nodes.flatMap((node) => node.input));
      let expected = 0;
      for (const name of before)
        expected += (noiseAt(name) ?? 0) * gains.total(name, gains.of(name));
      // what it makes itself says nothing: where that is most of the noise, the factor is near 1
      const layer = byOutput.get(tensor);
      const made = layer?.integer ? Math.min(measured, layer.made?.power ?? 0) : 0;
      if (expected > 0)
        factors.set(tensor, Math.min(MOST, Math.max(1 / MOST, measured / (expected + made))));
    }
  return factors;
}

/** An output, and the results before it along the only way to it, up to the last layer with weights. */
function* withoutWeights(
  net: Net,
  byOutput: ReadonlyMap<string, LayerPasses>,
  output: string,
): Generator<string> {
  for (let tensor = output; ;) {
    if (byOutput.get(tensor)?.unit.weight) return;
    yield tensor;
    const inputs = net.index.producer(tensor)?.input ?? [];
    const values = inputs.filter((name) => name !== '' && !net.index.isConstant(name));
    if (values.length !== 1) return;
    tensor = values[0]!;
  }
}
