import {
  floatData,
  GraphIndex,
  intAttribute,
  makeNode,
  makeTensor,
  tensorDims,
  tensorType,
  topologicalOrder,
  type Model,
  type NodeProto,
} from '../onnx';
import { inferShapes, type TensorInfo } from '../onnx/shapes';
import { channelRange, roundHalfEven } from '../numeric';
import { contribProduct, plainProduct, quantizedWhileRunning } from './dynamic-product';
import { stackedWeight } from './dynamic-stack';
import { replaceAttention, whyNotAttention } from './integer-attention';
import { isPackedAttention } from './packed-attention';
import type { UnitPlacement } from './placement';
import { isRecurrent, sequenceSizes, whyNotApart, writeApartDynamic } from './recurrent';
import { isTable, placeTables, writeTable, type TableOptions } from './tables';
import type { Unit } from './units';
import { ConstantWriter, giveHeadroom, whyNotWeights, type WeightSettings } from './weights';

/** The runtime's own operator domain. */
const CONTRIB = 'com.microsoft';

/** What dynamic quantization wrote. */
export interface WrittenDynamic {
  model: Model;
  units: UnitPlacement[];
  weightScales: Map<string, Float32Array>;
}

/**
 * Dynamic INT8 (DESIGN §4.5): weights are int8, activations are quantized while the model runs.
 * 1. MatMul and Gemm with constant weights become `com.microsoft.DynamicQuantizeMatMul`, bias inside; a stack of matrices has
 *    a scale for every column of each.
 * 2. LSTM becomes `com.microsoft.DynamicQuantizeLSTM`; GRU and RNN, which have no such kernel, are taken apart, and their
 *    products become dynamic ones.
 *    `headroom` widens scales where 16-bit accumulators could clip, for x86 processors without VNNI.
 * 3. com.microsoft.Attention becomes `com.microsoft.QAttention`.
 * 4. Gather of a constant table takes int8 rows, which are dequantized behind it.
 * 5. With `plain`, products are written in ONNX's own operators, and what has only the runtime's own stays float.
 * 6. Everything else stays as it is, each with its reason; Conv always (it would be many times slower).
 */
export function quantizeDynamic(
  prepared: Model,
  units: readonly Unit[],
  keep: ReadonlySet<string>,
  granularity: 'channel' | 'tensor',
  headroom = false,
  plain = false,
  forced: ReadonlySet<string> = new Set(),
): WrittenDynamic {
  const model = prepared.copy();
  const index = new GraphIndex(model.graph);
  const writer = new ConstantWriter(model, index);
  const nodes = new Map(model.graph.node.map((n) => [n.name, n]));
  const weightScales = new Map<string, Float32Array>();
  const settings: WeightSettings = {
    granularity,
    bits: 8,
    ...(headroom ? { headroom: { largest: null } } : {}),
  };
  const shapes = units.some((u) => isRecurrent(u.node))
    ? inferShapes(prepared)
    : new Map<string, TensorInfo>();
  const decided = decide(index, units, { keep, forced }, plain);
  const placed: UnitPlacement[] = units.map((unit): UnitPlacement => {
    const { reason } = decided.get(unit)!;
    if (reason !== null) return { unit, integer: false, reason };
    const own = (node: NodeProto | null) => (node ? nodes.get(node.name)! : null);
    const node = own(unit.node)!;
    if (unit.op === 'GRU' || unit.op === 'RNN') {
      const sizes = sequenceSizes(shapes, unit.node);
      weightScales.set(
        unit.name,
        writeApartDynamic(index, node, sizes, model.dir, writer, settings),
      );
      return { unit, integer: true, precision: 'mixed', reason: null };
    }
    const scales = isTable(unit)
      ? writeTable(index, writer, node, unit, settings)
      : isPackedAttention(node)
        ? replaceAttention(index, writer, node, settings, (x) => quantizedWhileRunning(index, x))
        : unit.op === 'LSTM'
          ? replaceLstm(model, index, node, settings)
          : replaceMatMul(model, index, writer, unit, own, settings, plain);
    weightScales.set(unit.name, scales);
    const written: UnitPlacement = { unit, integer: true, reason: null };
    return isPackedAttention(node) ? { ...written, precision: 'mixed' } : written;
  });
  index.dropDeadNodes();
  if (!plain && placed.some((p) => p.integer)) model.setDomainVersion(CONTRIB, 1);
  index.dropUnusedInitializers();
  model.graph.node = topologicalOrder(model.graph);
  return { model, units: placed, weightScales };
}

/** Which units become dynamic INT8; tables last, as they follow those that share their constants. */
function decide(
  index: GraphIndex,
  units: readonly Unit[],
  options: TableOptions,
  plain: boolean,
): Map<Unit, UnitPlacement> {
  const layers = units.filter((unit) => !isTable(unit));
  const placed = layers.map((unit): UnitPlacement => {
    const kept = options.keep.has(unit.name);
    const reason = kept ? 'kept in FP32 by the recipe' : whyNot(index, unit, plain);
    return { unit, integer: reason === null, reason };
  });
  const byName = new Map(placed.map((p) => [p.unit.node.name, p.integer]));
  const tables = placeTables(
    index,
    units.filter(isTable),
    (node) => byName.get(node.name) ?? false,
    options,
  );
  return new Map([...placed.map((p) => [p.unit, p] as const), ...tables]);
}

/** Why a unit cannot be dynamic INT8, or null. */
function whyNot(index: GraphIndex, unit: Unit, plain: boolean): string | null {
  const { node, op } = unit;
  if (plain && (isRecurrent(node) || isPackedAttention(node)))
    return `its integer form needs operators of onnxruntime's own, which the target onnx leaves out`;
  if (isPackedAttention(node)) return whyNotAttention(index, node);
  if (op === 'Conv')
    return 'dynamic INT8 convolutions are many times slower than FP32 in onnxruntime: use mode: static';
  if (op === 'GRU' || op === 'RNN') return whyNotApart(index, node);
  if (op === 'LSTM') return whyNotWeights(index, node, [1, 2]);
  if (op !== 'MatMul' && op !== 'Gemm')
    return `dynamic quantization covers MatMul, Gemm, Attention, LSTM, GRU, RNN and tables that Gather reads`;
  if (!unit.weight) {
    const name = node.input[1] ?? '';
    if (index.producer(name)?.opType === 'DequantizeLinear')
      return 'it was quantized before, and stays as it is';
    const constant = index.initializer(name);
    return constant
      ? `its weight '${name}' is ${tensorType(constant)}, not float32`
      : 'both sides are computed';
  }
  if (index.initializer(unit.weight.tensor)!.dims.length < 2) return 'its weight is a vector';
  if (op === 'Gemm' && node.input[2] && !unit.bias) return 'its bias is computed, not a constant';
  if (op === 'Gemm' && unit.bias && index.initializer(unit.bias)!.dims.length !== 1)
    return 'its bias differs from row to row';
  return null;
}

/** A product with its bias, in the runtime's own operator or in ONNX's. */
function replaceMatMul(
  model: Model,
  index: GraphIndex,
  writer: ConstantWriter,
  unit: Unit,
  own: (node: NodeProto | null) => NodeProto | null,
  settings: WeightSettings,
  plain: boolean,
): Float32Array {
  const node = own(unit.node)!;
  const biasNode = own(unit.biasNode);
  const { tensor, axis } = unit.weight!;
  let weight = tensor;
  let outputAxis = axis;
  if (node.opType === 'Gemm' && intAttribute(node, 'transB', 0) !== 0) {
    weight = transposed(model, index, tensor);
    outputAxis = 1;
  }
  const { scales, ...constant } =
    tensorDims(index.initializer(weight)!).length > 2
      ? stackedWeight(model, index, weight, settings)
      : oneWeight(writer, weight, outputAxis, settings);
  const biasName = biasNode
    ? biasNode.input.find((name) => index.isConstant(name))!
    : (unit.bias ?? '');
  // A bias of one value does not broadcast in the kernel: it stays an Add.
  const n = tensorDims(index.initializer(weight)!).at(-1)!;
  const takesBias = biasName !== '' && tensorDims(index.initializer(biasName)!)[0] === n;
  const output = takesBias && biasNode ? biasNode.output[0]! : node.output[0]!;
  index.removeNode(node);
  if (takesBias && biasNode) index.removeNode(biasNode);
  const write = plain ? plainProduct : contribProduct;
  write(index, {
    name: node.name,
    input: node.input[0]!,
    weight: constant,
    bias: takesBias ? biasName : null,
    output,
  });
  return scales;
}

function oneWeight(
  writer: ConstantWriter,
  weight: string,
  axis: number | null,
  settings: WeightSettings,
) {
  return writer.weight(weight, axis, settings, writer.scales(weight, axis, settings, null, null));
}

/** A transposed copy of a 2-D weight, written once. */
function transposed(model: Model, index: GraphIndex, tensor: string): string {
  const name = `${tensor}_transposed`;
  if (index.isConstant(name)) return name;
  const proto = index.initializer(tensor)!;
  const [rows, columns] = tensorDims(proto) as [number, number];
  const values = floatData(proto, model.dir);
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c]!;
  return index.addInitializer(model.parked(makeTensor(name, 'float32', [columns, rows], out)));
}

/**
 * DynamicQuantizeLSTM: W and R as int8 [directions, inputs, 4·hidden] (transposed from ONNX's order), with scales
 * and zero points [directions, 4·hidden] or [directions]; the other inputs and attributes are those of LSTM.
 */
function replaceLstm(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  settings: WeightSettings,
): Float32Array {
  const w = quantizeGates(model, index, node.input[1]!, settings);
  const r = quantizeGates(model, index, node.input[2]!, settings);
  const bias = node.input[3] || zeroBias(model, index, node);
  const rest = [bias, ...Array.from({ length: 4 }, (_, i) => node.input[4 + i] ?? '')];
  index.removeNode(node);
  index.insertNode(
    makeNode({
      opType: 'DynamicQuantizeLSTM',
      domain: CONTRIB,
      name: node.name,
      inputs: [
        node.input[0]!,
        w.codes,
        r.codes,
        ...rest,
        w.scale,
        w.zeroPoint,
        r.scale,
        r.zeroPoint,
      ],
      outputs: node.output,
      attributes: node.attribute.filter((a) => a.name !== 'layout'),
    }),
  );
  return w.scales;
}

/**
 * A bias of zeros [directions, 8·hidden] for an LSTM without one. The kernel clips gates that have a bias in vectors and others
 * one by one: with 256 hidden units a step takes 7 to 10 % longer without it (onnxruntime 1.30, x86-64).
 */
function zeroBias(model: Model, index: GraphIndex, node: NodeProto): string {
  const [directions, gates] = tensorDims(index.initializer(node.input[2]!)!) as [number, number];
  const dims = [directions, 2 * gates];
  const name = index.freshName(`${node.input[2]!}_bias`);
  const values = new Float32Array(directions * 2 * gates);
  return index.addInitializer(model.parked(makeTensor(name, 'float32', dims, values)));
}

function quantizeGates(
  model: Model,
  index: GraphIndex,
  tensor: string,
  settings: WeightSettings,
): { codes: string; scale: string; zeroPoint: string; scales: Float32Array } {
  const proto = index.initializer(tensor)!;
  const [directions, gates, inputs] = tensorDims(proto) as [number, number, number];
  const values = floatData(proto, model.dir);
  const perChannel = settings.granularity === 'channel';
  const rows = perChannel ? directions * gates : directions;
  const { min, max } = channelRange(values, [rows, values.length / rows], 0);
  const scales = Float32Array.from(min, (low, i) => Math.max(-low, max[i]!) / 127 || 1);
  if (settings.headroom)
    for (let d = 0; d < directions; d++) {
      const own = values.subarray(d * gates * inputs, (d + 1) * gates * inputs);
      const of = perChannel
        ? scales.subarray(d * gates, (d + 1) * gates)
        : scales.subarray(d, d + 1);
      giveHeadroom(own, [gates, inputs], 0, of, settings.headroom);
    }
  const codes = new Int8Array(values.length);
  for (let d = 0; d < directions; d++)
    for (let g = 0; g < gates; g++) {
      const scale = scales[perChannel ? d * gates + g : d]!;
      for (let i = 0; i < inputs; i++) {
        const q = roundHalfEven(values[(d * gates + g) * inputs + i]! / scale);
        codes[(d * inputs + i) * gates + g] = Math.max(-127, Math.min(127, q));
      }
    }
  const shape = perChannel ? [directions, gates] : [directions];
  const add = (
    suffix: string,
    type: 'int8' | 'float32',
    dims: number[],
    data: Int8Array | Float32Array,
  ) => {
    const name = index.freshName(`${tensor}_${suffix}`);
    return index.addInitializer(model.parked(makeTensor(name, type, dims, data)));
  };
  return {
    codes: add('quantized', 'int8', [directions, inputs, gates], codes),
    scale: add('scale', 'float32', shape, scales),
    zeroPoint: add('zero_point', 'int8', shape, new Int8Array(scales.length)),
    scales,
  };
}
