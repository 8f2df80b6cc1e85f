import {
  attribute,
  GraphIndex,
  makeTensor,
  renamedTensor,
  tensorAttribute,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import type { PassContext } from '../context';

/** `Constant` nodes become initializers. Does nothing for sparse and string constants. */
export function inlineConstants(model: Model, _context: PassContext): void {
  if (!model.graph.node.some((node) => node.opType === 'Constant')) return;
  const index = new GraphIndex(model.graph);
  const constants: NodeProto[] = [];
  for (const node of model.graph.node) {
    if (node.opType !== 'Constant' || node.domain !== '') continue;
    const output = node.output[0];
    const tensor = output === undefined ? null : constantValue(node, output);
    if (!tensor || index.isGraphOutput(tensor.name)) continue;
    constants.push(node);
    index.addInitializer(tensor);
  }
  index.removeNodes(constants);
}

function constantValue(node: NodeProto, name: string): TensorProto | null {
  const tensor = tensorAttribute(node, 'value');
  if (tensor) return renamedTensor(tensor, name);
  const a = node.attribute[0];
  if (!a) return null;
  if (attribute(node, 'value_float')) return makeTensor(name, 'float32', [], Float32Array.of(a.f));
  if (attribute(node, 'value_int')) return makeTensor(name, 'int64', [], BigInt64Array.of(a.i));
  if (attribute(node, 'value_floats'))
    return makeTensor(name, 'float32', [a.floats.length], Float32Array.from(a.floats));
  if (attribute(node, 'value_ints'))
    return makeTensor(name, 'int64', [a.ints.length], BigInt64Array.from(a.ints));
  return null;
}
