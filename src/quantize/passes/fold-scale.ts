import {
  floatData,
  GraphIndex,
  makeTensor,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import type { PassContext } from '../context';

/**
 * A Mul of a constant per output channel (or one for all) behind MatMul or Conv with a constant weight goes into the weight.
 * Does nothing where the product has other readers, the layer has a bias, or the constant has another shape.
 */
export function foldScale(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  for (const mul of [...model.graph.node]) {
    if (mul.opType !== 'Mul' || mul.domain !== '') continue;
    const slot = mul.input.findIndex((name) => isLayer(index.producer(name)));
    const factor = index.initializer(mul.input[1 - slot] ?? '');
    if (slot < 0 || !factor || tensorType(factor) !== 'float32') continue;
    const product = mul.input[slot]!;
    const layer = index.producer(product)!;
    if (index.consumers(product).length !== 1 || index.isGraphOutput(product)) continue;
    const scaled = scaledWeight(model, index, layer, factor);
    if (!scaled) continue;
    const name = index.freshName(`${layer.name}.weight`);
    const dims = tensorDims(index.initializer(layer.input[1]!)!);
    index.setInput(layer, 1, index.addInitializer(makeTensor(name, 'float32', dims, scaled)));
    const output = mul.output[0]!;
    index.removeNode(mul);
    index.setOutput(layer, 0, output);
    context.absorb(mul.name, layer.name);
  }
  index.dropUnusedInitializers();
}

function isLayer(node: NodeProto | undefined): boolean {
  if (!node || node.domain !== '') return false;
  return node.opType === 'MatMul' || (node.opType === 'Conv' && !node.input[2]);
}

function scaledWeight(
  model: Model,
  index: GraphIndex,
  layer: NodeProto,
  factor: TensorProto,
): Float32Array | null {
  const weight = index.initializer(layer.input[1] ?? '');
  if (!weight || tensorType(weight) !== 'float32' || weight.dims.length < 2) return null;
  const dims = tensorDims(weight);
  const [factors, values] = [floatData(factor, model.dir), floatData(weight, model.dir)];
  const shape = tensorDims(factor);
  if (factors.length === 1) return shape.length > 1 ? null : values.map((v) => v * factors[0]!);
  if (layer.opType === 'MatMul') {
    const columns = dims.at(-1)!;
    const fits = shape.at(-1) === columns && shape.length <= dims.length;
    if (!fits || factors.length !== columns) return null;
    return values.map((v, i) => v * factors[i % columns]!);
  }
  const channels = dims[0]!;
  const inner = values.length / channels;
  const axis = shape.length - (dims.length - 1);
  if (factors.length !== channels || shape[axis] !== channels || axis < 0 || axis > 1) return null;
  return values.map((v, i) => v * factors[Math.floor(i / inner)]!);
}
