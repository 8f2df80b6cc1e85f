import {
  floatAttribute,
  GraphIndex,
  intAttribute,
  makeInt,
  makeNode,
  makeIntsTensor,
  makeTensor,
  tensorDims,
  tensorType,
  type AttributeProto,
  type ElementType,
  type GraphProto,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../../onnx';
import type { Names } from '../../onnx/names';
import { toHalfArray } from '../../numeric';
import { codeLimits, codeValues, dequantized, floatValues, type ScaleLayout } from './constants';

/** A tensor of codes of which the float tensor is known whose rounding they are. */
export interface Codes extends ScaleLayout {
  value: string;
  scale: string;
  /** Empty where it is zero. */
  zeroPoint: string;
}

/** Results that cannot be negative: behind these a quantizer that begins at zero cuts nothing off. */
const NOT_NEGATIVE = new Set(['Relu', 'Sigmoid', 'Softmax', 'Abs', 'Exp', 'Sqrt', 'HardSigmoid']);
/** Results that are not negative where what they read is not. */
const KEEPS_SIGN = new Set([
  ...['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'Reshape', 'Transpose'],
  ...['Flatten', 'Squeeze', 'Unsqueeze', 'Slice', 'Split', 'Gather', 'Concat', 'Expand', 'Tile'],
  ...['Resize', 'DepthToSpace', 'SpaceToDepth', 'Identity', 'Pad', 'Clip'],
]);

/**
 * What the rules of de-quantization share while they walk a graph in order: which float tensor stands for which codes,
 * which names have gone, and the nodes written so far.
 */
export class Workshop {
  readonly nodes: NodeProto[] = [];
  private readonly codes = new Map<string, Codes>();
  private readonly aliases = new Map<string, string>();
  private readonly written = new Map<string, NodeProto>();
  private readonly materialized = new Set<string>();
  private readonly settled = new Set<NodeProto>();
  private readonly floats = new Map<string, string>();
  readonly index: GraphIndex;

  constructor(
    readonly model: Model,
    readonly graph: GraphProto,
    private readonly names: Names,
    private readonly outer: Workshop | null,
  ) {
    this.index = new GraphIndex(graph, outer?.index ?? null);
  }

  /** The name under which a tensor is there now. */
  now(tensor: string): string {
    const found = this.aliases.get(tensor);
    if (found !== undefined) return this.now(found);
    return this.outer && !this.own(tensor) ? this.outer.now(tensor) : tensor;
  }

  /** From now on readers of `tensor` read `other`. */
  alias(tensor: string, other: string): void {
    this.aliases.set(tensor, other);
  }

  /** Nodes that a rule before them has done with. */
  settle(...nodes: NodeProto[]): void {
    for (const node of nodes) this.settled.add(node);
  }

  isSettled(node: NodeProto): boolean {
    return this.settled.has(node);
  }

  codesOf(tensor: string): Codes | undefined {
    return this.codes.get(tensor) ?? this.outer?.codesOf(tensor);
  }

  setCodes(tensor: string, codes: Codes): void {
    this.codes.set(tensor, codes);
  }

  constant(tensor: string | undefined): TensorProto | undefined {
    return tensor ? this.index.initializer(tensor) : undefined;
  }

  fresh(base: string): string {
    return this.names.fresh(base);
  }

  emit(node: NodeProto): void {
    this.nodes.push(node);
    for (const output of node.output) this.written.set(output, node);
  }

  /** A new node with one result; returns its name. */
  add(
    opType: string,
    inputs: readonly string[],
    attributes: AttributeProto[],
    name: string,
    output = this.fresh(`${name}_value`),
    domain = '',
  ): string {
    const trimmed = [...inputs];
    while (trimmed.at(-1) === '') trimmed.pop();
    this.emit(makeNode({ opType, name, domain, inputs: trimmed, outputs: [output], attributes }));
    return output;
  }

  /** A float constant of the type of `like` (float32 if that is none); returns its name. */
  float(
    base: string,
    dims: readonly number[],
    values: Float32Array,
    type: ElementType = 'float32',
  ): string {
    const name = this.fresh(base);
    const data = type === 'float16' ? toHalfArray(values) : values;
    this.index.addInitializer(makeTensor(name, type === 'float16' ? type : 'float32', dims, data));
    return name;
  }

  /** An int64 constant of one axis; returns its name. */
  ints(base: string, values: readonly number[]): string {
    const name = this.fresh(base);
    this.index.addInitializer(makeIntsTensor(name, values));
    return name;
  }

  /** The constants 1.0 and (of a code type) 0, for codes that are the values themselves. */
  unit(type: ElementType): { one: string; zero: string } {
    const key = `unit ${type}`;
    const known = this.floats.get(key);
    if (known) return JSON.parse(known) as { one: string; zero: string };
    const zero = this.fresh('no_zero_point');
    const data = new Uint8Array(1);
    this.index.addInitializer(makeTensor(zero, type, [], data));
    const unit = { one: this.float('no_scale', [], Float32Array.of(1)), zero };
    this.floats.set(key, JSON.stringify(unit));
    return unit;
  }

  /** Values of scales; null where they are computed. */
  scales(name: string): Float32Array | null {
    const tensor = this.constant(name);
    return tensor ? floatValues(tensor, this.model.dir) : null;
  }

  /** Zero points as numbers; null for none, undefined where they are computed. */
  zeroPoints(name: string): Int32Array | null | undefined {
    if (name === '') return null;
    const tensor = this.constant(name);
    return tensor ? (codeValues(tensor, this.model.dir) ?? undefined) : undefined;
  }

  /** The float constant that a constant of codes stands for, written once; null where scales are computed or do not fit. */
  floatConstant(
    tensor: string,
    scale: string,
    zeroPoint: string,
    layout: ScaleLayout,
  ): string | null {
    const key = `${tensor}|${scale}|${zeroPoint}|${layout.axis}|${layout.blockSize}`;
    const known = this.floats.get(key);
    if (known !== undefined) return known;
    const proto = this.constant(tensor);
    const scales = this.scales(scale);
    const zeros = this.zeroPoints(zeroPoint);
    const codes = proto && codeValues(proto, this.model.dir);
    if (!proto || !codes || !scales || zeros === undefined) return null;
    const dims = tensorDims(proto);
    const values = dequantized(codes, dims, scales, zeros, layout);
    if (!values) return null;
    const base = tensor.replace(/_(quantized|quant|q|int8|uint8)$/i, '');
    const name = this.float(base, dims, values, tensorType(this.constant(scale)!));
    this.floats.set(key, name);
    return name;
  }

  /**
   * The float tensor behind an operand of an integer operator: a constant worked out, what its quantizer read, the same
   * carried to another scale, or a DequantizeLinear. Null where none of these can be.
   */
  operand(
    tensor: string,
    scale: string,
    zeroPoint: string,
    layout: ScaleLayout = { axis: 1, blockSize: 0 },
  ): string | null {
    if (this.constant(tensor)) return this.floatConstant(tensor, scale, zeroPoint, layout);
    const codes = this.codesOf(tensor);
    if (codes) {
      if (this.sameParameters(codes, scale, zeroPoint)) return codes.value;
      return this.rescaled(tensor, codes, scale, zeroPoint);
    }
    return this.add(
      'DequantizeLinear',
      [this.now(tensor), scale, zeroPoint],
      layout.axis === 1 && layout.blockSize === 0 ? [] : [makeInt('axis', layout.axis)],
      this.fresh(`${tensor}/DequantizeLinear`),
    );
  }

  /** Codes with the parameters of one quantizer read with those of another: x · s₂/s₁ + (z₁ − z₂) · s₂. */
  private rescaled(tensor: string, codes: Codes, scale: string, zeroPoint: string): string | null {
    const [s1, s2] = [this.scales(codes.scale), this.scales(scale)];
    const [z1, z2] = [this.zeroPoints(codes.zeroPoint), this.zeroPoints(zeroPoint)];
    if (s1?.length !== 1 || s2?.length !== 1 || z1 === undefined || z2 === undefined) return null;
    const type = tensorType(this.constant(scale)!);
    const factor = this.float(`${tensor}_factor`, [], Float32Array.of(s2[0]! / s1[0]!), type);
    const product = this.add('Mul', [codes.value, factor], [], this.fresh(`${tensor}/rescale`));
    const shift = ((z1?.[0] ?? 0) - (z2?.[0] ?? 0)) * s2[0]!;
    if (shift === 0) return product;
    const offset = this.float(`${tensor}_offset`, [], Float32Array.of(shift), type);
    return this.add('Add', [product, offset], [], this.fresh(`${tensor}/shift`));
  }

  private sameParameters(codes: Codes, scale: string, zeroPoint: string): boolean {
    const equal = (a: string, b: string): boolean => {
      if (a === b) return true;
      const [x, y] = [this.constant(a), this.constant(b)];
      const values = (t: TensorProto | undefined, name: string) => {
        if (name === '') return '0';
        return t
          ? [...(codeValues(t, this.model.dir) ?? floatValues(t, this.model.dir) ?? [])].join()
          : null;
      };
      const [u, v] = [values(x, a), values(y, b)];
      return u !== null && u === v;
    };
    return equal(codes.scale, scale) && equal(codes.zeroPoint, zeroPoint);
  }

  /** Says that `tensor` holds codes whose value before rounding is `value`; what the quantizer cuts off stays cut off. */
  quantized(tensor: string, value: string, codes: Omit<Codes, 'value'>): void {
    this.setCodes(tensor, { ...codes, value: this.cutOff(tensor, value, codes) });
  }

  /**
   * A quantizer that begins at zero does what a Relu or Clip does that was left out for its sake: behind results that may be
   * negative its limits stay, as a Clip. Elsewhere limits are what calibration happened to see, and go.
   */
  private cutOff(tensor: string, value: string, codes: Omit<Codes, 'value'>): string {
    const scales = this.scales(codes.scale);
    const zeros = this.zeroPoints(codes.zeroPoint);
    const typed = this.constant(codes.zeroPoint);
    const limits = codeLimits(typed ? tensorType(typed) : 'uint8');
    if (scales?.length !== 1 || zeros === undefined || !limits) return value;
    const zero = zeros?.[0] ?? 0;
    if (zero !== limits.min || this.isNotNegative(value)) return value;
    const type = tensorType(this.constant(codes.scale)!);
    const high = (limits.max - zero) * scales[0]!;
    return this.add(
      'Clip',
      [
        value,
        this.float(`${tensor}_lowest`, [], Float32Array.of(0), type),
        this.float(`${tensor}_highest`, [], Float32Array.of(high), type),
      ],
      [],
      this.fresh(`${value}/Clip`),
    );
  }

  private isNotNegative(tensor: string): boolean {
    const node = this.written.get(tensor) ?? this.outer?.written.get(tensor);
    if (!node) return true; // an input of the model, or a constant: its limits are nobody's activation
    if (NOT_NEGATIVE.has(node.opType)) return true;
    if (node.opType === 'Clip') {
      const low = this.constant(node.input[1]);
      const least = low ? floatValues(low, this.model.dir)?.[0] : floatAttribute(node, 'min', -1);
      if (least !== undefined && least >= 0) return true;
    }
    const data = node.opType === 'Concat' ? node.input : node.input.slice(0, 1);
    return KEEPS_SIGN.has(node.opType) && data.every((name) => this.isNotNegative(name));
  }

  /** Makes the codes themselves be there, for a reader that can do nothing with floats. */
  materialize(tensor: string): void {
    const codes = this.codesOf(tensor);
    if (!codes || this.materialized.has(tensor) || this.outer?.materialized.has(tensor)) return;
    this.materialized.add(tensor);
    const attributes = [
      ...(codes.axis === 1 ? [] : [makeInt('axis', codes.axis)]),
      ...(codes.blockSize === 0 ? [] : [makeInt('block_size', codes.blockSize)]),
    ];
    this.add(
      'QuantizeLinear',
      [codes.value, codes.scale, codes.zeroPoint],
      attributes,
      this.fresh(`${tensor}/QuantizeLinear`),
      tensor,
    );
  }

  private own(tensor: string): boolean {
    return (
      this.index.producer(tensor) !== undefined ||
      this.written.has(tensor) ||
      this.graph.input.some((v) => v.name === tensor)
    );
  }
}

/** Attributes of a node by name, as they are. */
export function keep(node: NodeProto, ...names: string[]): AttributeProto[] {
  return node.attribute.filter((a) => names.includes(a.name));
}

/** Layout that a QuantizeLinear or DequantizeLinear says. */
export function layoutOf(node: NodeProto): ScaleLayout {
  return {
    axis: intAttribute(node, 'axis', 1),
    blockSize: intAttribute(node, 'block_size', 0),
  };
}
