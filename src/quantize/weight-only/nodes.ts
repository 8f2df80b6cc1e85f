import { clone } from '@bufbuild/protobuf';
import type { GraphIndex } from '../../onnx';
import {
  makeInt,
  makeInts,
  makeNode,
  removeAttribute,
  setAttribute,
  type NodeProto,
} from '../../onnx';
import { NodeProtoSchema } from '../../onnx/gen/onnx_pb';
import { isPackedAttention } from '../packed-attention';
import { writeAttention } from './attention';
import type { PackedConstants, PackedNames } from './constants';
import type { WeightType } from './settings';
import type { ShapeOf } from './shape-of';
import type { WeightSource } from './source';

/** The runtime's own operator domain. */
export const CONTRIB = 'com.microsoft';

/** One layer that gets packed weights. */
export interface PackedLayer {
  node: NodeProto;
  source: WeightSource;
  type: WeightType;
  /** A table and a product read the same codes. */
  tied: boolean;
}

/** Name and result of what stands for a layer's product. */
interface Place {
  name: string;
  output: string;
}

/** Writes the nodes that stand for layers, in one of two forms. */
export class PackedNodes {
  private readonly dequantized = new Map<string, string>();
  private readonly masks = new Map<string, string>();

  constructor(
    private readonly index: GraphIndex,
    private readonly constants: PackedConstants,
    private readonly shapeOf: ShapeOf,
  ) {}

  /** Adds what gives the layer's results (those that are named) from its own input; the layer's node is not touched. */
  write(layer: PackedLayer, { name, outputs }: { name: string; outputs: readonly string[] }): void {
    if (!isPackedAttention(layer.node)) {
      this.writeProduct(layer, { name, output: outputs[0]! });
      return;
    }
    const { node, source } = layer;
    const product = this.index.freshName(`${name}_product`);
    const inputs = node.input.slice(0, 2);
    const matmul = makeNode({ opType: 'MatMul', name, inputs, outputs: [product] });
    this.writeProduct({ ...layer, node: matmul }, { name, output: product });
    const { shapeOf } = this;
    const parts = { node, shapeOf, product, columns: source.n, name, outputs };
    writeAttention(this.index, parts, (values) => this.constants.ints(values), this.masks);
  }

  private writeProduct(layer: PackedLayer, place: Place): void {
    const contrib = this.constants.settings.form === 'matmul-nbits';
    if (layer.node.opType === 'Gather')
      if (contrib) this.gatherBlockQuantized(layer, place);
      else this.gatherCodes(layer, place);
    else if (contrib) this.matMulNBits(layer, place);
    else this.dequantizedProduct(layer, place);
  }

  /** A, B [N, blocks, bytes], scales, zero points → Y. A Gemm's C becomes an Add, which the runtime takes in again. */
  private matMulNBits({ node, source, type }: PackedLayer, { name, output }: Place): void {
    const { index } = this;
    const packed = this.constants.forMatMul(source, type);
    const bias = node.opType === 'Gemm' ? (node.input[2] ?? '') : '';
    const product = bias ? index.freshName(`${output}_product`) : output;
    index.insertNode(
      makeNode({
        opType: 'MatMulNBits',
        domain: CONTRIB,
        name,
        inputs: [node.input[0]!, ...inputsOf(packed)],
        outputs: [product],
        attributes: [
          makeInt('K', source.k),
          makeInt('N', source.n),
          makeInt('bits', packed.bits),
          makeInt('block_size', packed.block),
          makeInt('accuracy_level', this.constants.settings.accuracyLevel),
        ],
      }),
    );
    if (bias) this.node('Add', [product, bias], `${name}_bias`, output);
  }

  /**
   * Data, indices, scales, zero points → Y. A table that a product reads too has three axes, [N, blocks, bytes]; so has
   * its result one axis more, which a Reshape (where the rank of the indices is known) or flattening the table takes away.
   */
  private gatherBlockQuantized(layer: PackedLayer, { name, output }: Place): void {
    const { node, source, type, tied } = layer;
    const indices = node.input[1]!;
    if (!tied) {
      const packed = this.constants.forGather(source, type);
      this.lookUp(name, packed, 1, [packed.codes, indices, ...scalesOf(packed)], output);
      return;
    }
    const { index, constants } = this;
    const packed = constants.forMatMul(source, type);
    const blocks = Math.ceil(source.k / packed.block);
    const rank = this.shapeOf(indices)?.length ?? null;
    const flat = rank === null;
    const shape = constants.ints(flat ? [source.n, blocks] : [source.n, blocks, 1]);
    const scale = this.node('Reshape', [packed.scale, shape], `${packed.scale}_of_rows`);
    const inputs = [packed.codes, indices, scale];
    if (flat)
      inputs[0] = this.node(
        'Reshape',
        [packed.codes, constants.ints([source.n, -1])],
        `${packed.codes}_rows`,
      );
    if (packed.zeroPoint)
      inputs.push(
        packed.bits === 4 && !flat
          ? constants.zerosOfShared(source, packed)
          : this.node(
              'Reshape',
              [packed.zeroPoint, flat ? constants.ints([source.n, -1]) : shape],
              `${packed.zeroPoint}_of_rows`,
            ),
      );
    const full = source.k % packed.block === 0;
    if (flat && full) {
      this.lookUp(name, packed, 1, inputs, output);
      return;
    }
    const looked = index.freshName(`${output}_blocks`);
    this.lookUp(name, packed, flat ? 1 : 2, inputs, looked);
    let joined = looked;
    if (!flat) {
      const wanted = constants.ints([...new Array<number>(rank).fill(0), -1]);
      joined = this.node('Reshape', [looked, wanted], `${output}_padded`, full ? output : null);
    }
    if (!full)
      this.node(
        'Slice',
        [joined, constants.ints([0]), constants.ints([source.k]), constants.ints([-1])],
        output,
        output,
      );
  }

  private lookUp(
    name: string,
    { bits, block }: PackedNames,
    quantizeAxis: number,
    inputs: string[],
    output: string,
  ): void {
    this.index.insertNode(
      makeNode({
        opType: 'GatherBlockQuantized',
        domain: CONTRIB,
        name,
        inputs,
        outputs: [output],
        attributes: [
          makeInt('gather_axis', 0),
          makeInt('quantize_axis', quantizeAxis),
          makeInt('bits', bits),
          makeInt('block_size', block),
        ],
      }),
    );
  }

  /**
   * MatMul or Gemm of a DequantizeLinear. The runtime makes MatMulNBits of it, unless the codes have other readers, or the C
   * of a Gemm is no vector.
   */
  private dequantizedProduct(layer: PackedLayer, { name, output }: Place): void {
    const { node, source, type, tied } = layer;
    const values = this.dequantize(this.constants.forDequantize(source, type, tied), tied);
    const copy = clone(NodeProtoSchema, node);
    copy.name = name;
    copy.output = [output];
    copy.input[1] = tied && copy.opType === 'MatMul' ? this.transposed(values) : values;
    if (copy.opType === 'Gemm')
      if (tied) setAttribute(copy, makeInt('transB', 1));
      else removeAttribute(copy, 'transB');
    this.index.insertNode(copy);
  }

  /** Codes, scales and zero points of the rows are gathered, and only those rows are dequantized. */
  private gatherCodes({ node, source, type }: PackedLayer, { name, output }: Place): void {
    const packed = this.constants.forDequantize(source, type, true);
    const indices = node.input[1]!;
    const gather = (what: string, of: string, as = this.index.freshName(`${name}/${what}`)) => {
      const result = this.index.freshName(`${output}_${what}`);
      this.index.insertNode(
        makeNode({ opType: 'Gather', name: as, inputs: [of, indices], outputs: [result] }),
      );
      return result;
    };
    const inputs = [gather('codes', packed.codes, name), gather('scales', packed.scale)];
    if (packed.zeroPoint) inputs.push(gather('zero_points', packed.zeroPoint));
    this.index.insertNode(
      makeNode({
        opType: 'DequantizeLinear',
        name: this.index.freshName(`${name}/DequantizeLinear`),
        inputs,
        outputs: [output],
        attributes: [makeInt('axis', -1), makeInt('block_size', packed.block)],
      }),
    );
  }

  /** The values of packed constants: one DequantizeLinear, however many read it. */
  private dequantize(packed: PackedNames, rows: boolean): string {
    const known = this.dequantized.get(packed.codes);
    if (known !== undefined) return known;
    const { granularity } = this.constants.settings;
    const output = this.index.freshName(`${packed.codes}_dequantized`);
    const blocked = [makeInt('axis', rows ? 1 : 0), makeInt('block_size', packed.block)];
    this.index.insertNode(
      makeNode({
        opType: 'DequantizeLinear',
        name: this.index.freshName(`${packed.codes}/DequantizeLinear`),
        inputs: [packed.codes, ...scalesOf(packed)],
        outputs: [output],
        attributes:
          rows || granularity === 'block'
            ? blocked
            : granularity === 'channel'
              ? [makeInt('axis', 1)]
              : [],
      }),
    );
    this.dequantized.set(packed.codes, output);
    return output;
  }

  private transposed(tensor: string): string {
    const known = this.dequantized.get(`${tensor}ᵀ`);
    if (known !== undefined) return known;
    const output = this.index.freshName(`${tensor}_transposed`);
    this.index.insertNode(
      makeNode({
        opType: 'Transpose',
        name: this.index.freshName(`${tensor}/Transpose`),
        inputs: [tensor],
        outputs: [output],
        attributes: [makeInts('perm', [1, 0])],
      }),
    );
    this.dequantized.set(`${tensor}ᵀ`, output);
    return output;
  }

  /** A node with one result; `output` null makes a name from `base`. */
  private node(op: string, inputs: string[], base: string, output: string | null = null): string {
    const result = output ?? this.index.freshName(base);
    const name = this.index.freshName(`${base}/${op}`);
    this.index.insertNode(makeNode({ opType: op, name, inputs, outputs: [result] }));
    return result;
  }
}

const scalesOf = ({ scale, zeroPoint }: PackedNames) =>
  zeroPoint === null ? [scale] : [scale, zeroPoint];
const inputsOf = (packed: PackedNames) => [packed.codes, ...scalesOf(packed)];
