import { createHash } from 'node:crypto';
import { allNodes, type Model } from '../onnx';

/**
 * A key of the kernels that a graph runs: operators in their order, what steers them, and types and shapes of their constants,
 * not the values of these. Graphs with the same key do the same work, whatever their scales and weights are.
 * @param optimized the graph that the runtime executes
 */
export function kernelKey({ graph }: Model): string {
  const constants = new Map(
    graph.initializer.map((t) => [t.name, `${t.dataType} ${t.dims.join('×')}`]),
  );
  const hash = createHash('sha256');
  for (const { domain, opType, input, output, attribute } of allNodes(graph)) {
    const settings = attribute
      .map(({ name, i, ints, s }) => `${name}=${i} ${ints.join(' ')} ${Buffer.from(s).toString()}`)
      .sort();
    const reads = input.map((name) => constants.get(name) ?? (name === '' ? '-' : '·'));
    hash.update(JSON.stringify([domain, opType, reads, output.length, settings]));
  }
  return hash.digest('hex').slice(0, 32);
}
