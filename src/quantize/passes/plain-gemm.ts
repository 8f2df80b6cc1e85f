import {
  derivedTensor,
  floatAttribute,
  floatData,
  GraphIndex,
  intAttribute,
  makeInts,
  makeNode,
  makeTensor,
  removeAttribute,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import type { PassContext } from '../context';

/**
 * Gemm with constant weights gets `alpha = beta = 1`, a bias of one value per output, and an input that a Transpose before it
 * turned where `transA` did: the form that integer kernels and those of packed weights take. Does nothing where weights or bias are computed or not float32.
 */
export function plainGemm(model: Model, _context: PassContext): void {
  const index = new GraphIndex(model.graph);
  for (const node of [...model.graph.node]) {
    if (node.opType !== 'Gemm' || node.domain !== '') continue;
    const weight = index.initializer(node.input[1] ?? '');
    const bias = node.input[2] ? index.initializer(node.input[2]) : null;
    if (!weight || bias === undefined) continue;
    if (tensorType(weight) !== 'float32' || (bias && tensorType(bias) !== 'float32')) continue;
    const alpha = floatAttribute(node, 'alpha', 1);
    const beta = floatAttribute(node, 'beta', 1);
    const dims = tensorDims(weight);
    const n = intAttribute(node, 'transB', 0) === 0 ? dims[1]! : dims[0]!;
    if (alpha !== 1) {
      const values = () => scaled(floatData(weight, model.dir), alpha);
      const name = index.freshName(`${node.name}.weight`);
      replace(index, node, 1, derivedTensor(weight, name, 'float32', dims, values));
    }
    removeAttribute(node, 'alpha');
    turnInput(index, node);
    if (bias) {
      const values = floatData(bias, model.dir);
      if (!isRow(tensorDims(bias), n)) continue; // one bias per row of the output: left to the float kernel
      if (beta === 1 && bias.dims.length === 1 && values.length === n) continue;
      const wide = values.length === n ? values : new Float32Array(n).fill(values[0]!);
      const name = index.freshName(`${node.name}.bias`);
      replace(index, node, 2, makeTensor(name, 'float32', [n], scaled(wide, beta)));
    }
    removeAttribute(node, 'beta');
  }
  index.dropUnusedInitializers();
}

function turnInput(index: GraphIndex, node: NodeProto): void {
  if (intAttribute(node, 'transA', 0) !== 0) {
    const turned = index.freshName(`${node.input[0]!}_transposed`);
    index.insertNode(
      makeNode({
        opType: 'Transpose',
        name: index.freshName(`${node.name}/Transpose`),
        inputs: [node.input[0]!],
        outputs: [turned],
        attributes: [makeInts('perm', [1, 0])],
      }),
    );
    index.setInput(node, 0, turned);
  }
  removeAttribute(node, 'transA');
}

/** True for the shape of one value for every output, or one for all: nothing that differs from row to row. */
export function isRow(dims: readonly number[], outputs: number): boolean {
  return dims.every((d, axis) => d === 1 || (axis === dims.length - 1 && d === outputs));
}

function scaled(values: Float32Array, factor: number): Float32Array {
  return factor === 1 ? values : values.map((v) => v * factor);
}

function replace(index: GraphIndex, node: NodeProto, slot: number, tensor: TensorProto): void {
  index.setInput(node, slot, index.addInitializer(tensor));
}
