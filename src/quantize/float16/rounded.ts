import { inferGraphs } from '../../onnx/shapes';
import {
  makeNode,
  makeTensor,
  topologicalOrder,
  type GraphProto,
  type Model,
  type NodeProto,
} from '../../onnx';
import { movesValues } from './operators';
import { FreshNames } from './scope';

/** The bits of −∞ as float16. */
const LOWEST = 0xfc00;

/**
 * The same model with every float16 value really rounded on onnxruntime's CPU provider. That provider has float32
 * kernels for almost everything: it casts what goes in and out, and takes out the Casts that meet, so that values between
 * two such layers are never rounded, overflow nowhere, and a file that is NaN on a GPU is fine here. A Max with −∞ behind
 * each result has a float16 kernel, changes no value, and is what no optimization takes out. It takes two of them: one
 * float16 node among float32 ones is made float32 as well.
 * For judging only: a model written so would be slow.
 */
export function withRounding(written: Model): Model {
  const model = written.copy();
  const shapes = inferGraphs(model);
  const fresh = new FreshNames(model.graph);
  for (const [graph, types] of shapes)
    roundGraph(graph, (name) => types.get(name)?.type === 'float16', fresh);
  return model;
}

function roundGraph(graph: GraphProto, isHalf: (name: string) => boolean, fresh: FreshNames): void {
  const barriers: NodeProto[] = [];
  let lowest: string | null = null;
  for (const node of graph.node) {
    if (node.opType === 'Constant' || (movesValues(node) && node.opType !== 'Cast')) continue;
    for (const [slot, name] of node.output.entries()) {
      if (name === '' || !isHalf(name)) continue;
      lowest ??= fresh.make('lowest_float16');
      const exact = fresh.make(`${name}_unrounded`);
      const once = fresh.make(`${name}_rounded`);
      node.output[slot] = exact;
      barriers.push(makeNode({ opType: 'Max', inputs: [exact, lowest], outputs: [once] }));
      barriers.push(makeNode({ opType: 'Max', inputs: [once, lowest], outputs: [name] }));
    }
  }
  if (lowest === null) return;
  graph.initializer.push(makeTensor(lowest, 'float16', [], Uint16Array.of(LOWEST)));
  graph.node = topologicalOrder({ ...graph, node: [...graph.node, ...barriers] });
}
