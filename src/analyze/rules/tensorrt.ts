/**
 * What TensorRT says of Q/DQ models: what its ONNX parser refuses (errors), and what its documentation recommends so that
 * layers fuse (“Explicit Quantization”: Q/DQ layer-placement recommendations and limitations; warnings).
 */
import type { Model, NodeProto } from '../../onnx';
import type { Finding } from '../../results';
import { Findings } from './finding';
import { QdqGraph, WEIGHTED } from './qdq-graph';

/** Quantized operators of ONNX and onnxruntime; TensorRT reads Q/DQ instead. */
const QUANTIZED_OPERATORS =
  /^(QLinear|QGemm|ConvInteger|MatMulInteger|DynamicQuantize|MatMulNBits|QAttention)/;
/** Activations that TensorRT fuses into the layer before them. */
const FUSED_ACTIVATIONS = new Set(['Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'Tanh', 'HardSwish']);
/** Operators that run in INT8 only between a dequantizer and a quantizer. */
const QUANTIZABLE = new Set(['AveragePool', 'GlobalAveragePool']);
/** The first opset whose quantizers know an axis. */
const OPSET = 13;

/**
 * Checks a Q/DQ model by TensorRT's rules. Errors: its parser or builder refuses the file. Warnings: it builds, with
 * layers in float or conversions that better placed quantizers would save. Info: what else to know.
 */
export function checkTensorRt(model: Model): Finding[] {
  const graph = new QdqGraph(model);
  const findings = new Findings();
  checkModel(graph, findings);
  for (const node of graph.nodes) {
    if (graph.isQuantize(node) || graph.isDequantize(node)) checkQuantizer(graph, node, findings);
    else if (Object.hasOwn(WEIGHTED, node.opType) && graph.isOwn(node))
      checkWeighted(graph, node, findings);
    else if (node.opType === 'Add') checkAdd(graph, node, findings);
    else if (QUANTIZABLE.has(node.opType)) checkQuantizable(graph, node, findings);
    checkActivation(graph, node, findings);
  }
  return findings.list;
}

function checkModel(graph: QdqGraph, findings: Findings): void {
  const { model } = graph;
  if (!graph.nodes.some((n) => graph.isQuantize(n) || graph.isDequantize(n)))
    findings.add({
      code: 'no-quantizers',
      severity: 'warning',
      message: 'The model has no QuantizeLinear or DequantizeLinear: TensorRT runs it in float.',
      remedy: 'Quantize it with target: tensorrt.',
    });
  if (model.opset < OPSET && graph.nodes.some((n) => n.attribute.some((a) => a.name === 'axis')))
    findings.add({
      code: 'opset-too-old',
      severity: 'error',
      message: `Opset ${model.opset} has quantizers with one scale for all: scales by channel need opset ${OPSET}.`,
      remedy: 'Quantize it with target: tensorrt, which upgrades it.',
    });
  for (const node of graph.nodes)
    if (QUANTIZED_OPERATORS.test(node.opType))
      findings.add({
        code: 'quantized-operator',
        severity: 'error',
        node: graph.nameOf(node),
        message: `TensorRT has no importer for ${node.opType}.`,
        remedy: 'Write Q/DQ around the float operator: target: tensorrt, mode: static.',
      });
}

/** What the parser asserts of every quantizer. */
function checkQuantizer(graph: QdqGraph, node: NodeProto, findings: Findings): void {
  const { type, scales, zeroPoints, axis } = graph.quantizer(node);
  const name = graph.nameOf(node);
  const tensor = node.input[0]!;
  const say = (code: string, message: string, remedy: string, more: Partial<Finding> = {}) =>
    findings.add({ code, severity: 'error', node: name, tensor, message, remedy, ...more });
  const redo = 'Quantize it with target: tensorrt.';
  if (type === 'int32') {
    const message = `'${name}' dequantizes int32: TensorRT takes biases in float only.`;
    say('quantized-bias', message, redo);
    return;
  }
  if (type !== 'int8' && type !== 'int4' && !type?.startsWith('float8'))
    say('code-type', `Codes of '${name}' are ${type}: TensorRT has int8, int4 and float8.`, redo);
  if (zeroPoints.some((z) => z !== 0))
    say('zero-point', `'${name}' has a zero point other than 0: TensorRT is symmetric.`, redo);
  if (!scales) {
    say('scale-computed', `The scale of '${name}' is computed while the model runs.`, redo);
    return;
  }
  if (scales.some((s) => !(s > 0)))
    say('scale-not-positive', `'${name}' has a scale that is not above 0.`, redo);
  if (zeroPoints.length > 0 && zeroPoints.length !== scales.length)
    say(
      'zero-point-count',
      `'${name}' has ${scales.length} scales and ${zeroPoints.length} zero points.`,
      redo,
    );
  if (scales.length <= 1) return;
  const channels = graph.sizeOf(tensor, axis);
  if (channels !== null && channels !== scales.length)
    say(
      'scale-count',
      `'${name}' has ${scales.length} scales for ${channels} channels of axis ${axis}.`,
      redo,
    );
  const weight = graph.isDequantize(node)
    ? graph.isConstantDequantizer(node)
    : graph.index.isConstant(tensor);
  if (!weight)
    say(
      'activation-by-channel',
      `'${name}' quantizes an activation with one scale a channel: TensorRT takes one in all.`,
      redo,
    );
}

function checkWeighted(graph: QdqGraph, node: NodeProto, findings: Findings): void {
  const name = graph.nameOf(node);
  const slots = WEIGHTED[node.opType]!;
  const sources = slots.map((slot) => graph.dequantizerOf(node.input[slot]));
  const loose = slots.filter((_, i) => !sources[i]);
  if (loose.length > 0 && loose.length < slots.length)
    findings.add({
      code: 'input-not-quantized',
      severity: 'warning',
      node: name,
      tensor: node.input[loose[0]!]!,
      message: `'${name}' reads codes on one side only: TensorRT then multiplies in float.`,
      remedy: 'Quantize all that it multiplies, or nothing.',
    });
  for (const source of sources) {
    if (!source || !graph.isConstantDequantizer(source)) continue;
    const { scales, axis, type } = graph.quantizer(source);
    const wanted = outputAxis(graph, node);
    if (scales && scales.length > 1 && wanted !== null && axis !== wanted)
      findings.add({
        code: 'weight-axis',
        severity: 'error',
        node: name,
        message: `The weight of '${name}' has scales along axis ${axis}; output channels are axis ${wanted}.`,
        remedy: 'Quantize it with target: tensorrt.',
      });
    if (type === 'int8' && graph.index.isConstant(source.input[0]!))
      findings.add({
        code: 'weights-stored-int8',
        severity: 'info',
        message:
          'Weights are stored as int8 with a DequantizeLinear alone. TensorRT before 9 wants them in float behind both.',
        remedy: 'Use TensorRT 9 or later.',
      });
  }
  // 2. recommendation: leave results in float, so that what is behind can be fused.
  for (const reader of graph.readers(node.output[0]!))
    if (graph.isQuantize(reader)) checkResult(graph, node, reader, findings);
}

/** A result that becomes codes right behind its layer: fine where codes are read, else a conversion for nothing. */
function checkResult(
  graph: QdqGraph,
  layer: NodeProto,
  quantize: NodeProto,
  findings: Findings,
): void {
  const dequantizers = graph.readers(quantize.output[0]!).filter((n) => graph.isDequantize(n));
  const readers = dequantizers.flatMap((dq) => graph.readers(dq.output[0]!));
  const integer = readers.some(
    (r) => Object.hasOwn(WEIGHTED, r.opType) || QUANTIZABLE.has(r.opType) || r.opType === 'Add',
  );
  if (readers.length > 0 && !integer && !readers.some((r) => FUSED_ACTIVATIONS.has(r.opType)))
    findings.add({
      code: 'output-quantized-for-float',
      severity: 'warning',
      node: graph.nameOf(layer),
      tensor: quantize.input[0]!,
      message: `The result of '${graph.nameOf(layer)}' becomes codes that no integer layer reads.`,
      remedy: 'Leave it in float.',
    });
}

/** A quantizer between a layer and the activation behind it parts what TensorRT would run as one. */
function checkActivation(graph: QdqGraph, node: NodeProto, findings: Findings): void {
  if (!FUSED_ACTIVATIONS.has(node.opType) && node.opType !== 'BatchNormalization') return;
  const dequantize = graph.dequantizerOf(node.input[0]);
  const quantize = dequantize && graph.index.producer(dequantize.input[0]!);
  const layer =
    quantize && graph.isQuantize(quantize) ? graph.index.producer(quantize.input[0]!) : undefined;
  if (!layer || !(Object.hasOwn(WEIGHTED, layer.opType) || layer.opType === 'Add')) return;
  findings.add({
    code: 'activation-parted',
    severity: 'warning',
    node: graph.nameOf(node),
    message: `A quantizer stands between '${graph.nameOf(layer)}' and '${graph.nameOf(node)}', which TensorRT would run as one.`,
    remedy: 'Quantize behind the activation.',
  });
}

/** 4. recommendation: the skip input of a residual Add is quantized, what the layer leaves for it is not. */
function checkAdd(graph: QdqGraph, node: NodeProto, findings: Findings): void {
  const inputs = node.input.filter((name) => !graph.index.isConstant(name));
  if (inputs.length !== 2) return;
  const sources = inputs.map((name) => graph.dequantizerOf(name));
  const becomesCodes = leadsToQuantizer(graph, node);
  const layers = inputs.map((name) => {
    const producer = graph.index.producer(name);
    return producer && Object.hasOwn(WEIGHTED, producer.opType) ? producer : undefined;
  });
  const parted = sources.findIndex((dq) => {
    const quantize = dq && graph.index.producer(dq.input[0]!);
    const layer =
      quantize && graph.isQuantize(quantize) ? graph.index.producer(quantize.input[0]!) : undefined;
    return (
      layer !== undefined &&
      Object.hasOwn(WEIGHTED, layer.opType) &&
      graph.readers(quantize!.output[0]!).length === 1 &&
      graph.readers(dq!.output[0]!).length === 1
    );
  });
  const name = graph.nameOf(node);
  if (sources.every((dq) => dq) && parted >= 0 && !layers.some((l) => l))
    findings.add({
      code: 'residual-parted',
      severity: 'warning',
      node: name,
      tensor: inputs[parted]!,
      message: `Both operands of '${name}' are codes, also the one that a layer leaves for it alone: TensorRT cannot fuse them.`,
      remedy: 'Leave that operand in float, and quantize the skip input only.',
    });
  if (becomesCodes && layers.some((l) => l) && !sources.some((dq) => dq))
    findings.add({
      code: 'residual-not-quantized',
      severity: 'warning',
      node: name,
      message: `The skip input of '${name}' is float, so that its result leaves the layer before it in float.`,
      remedy: 'Quantize the skip input.',
    });
}

/** Operators that are no weighted layer run in INT8 only where codes come in and go out. */
function checkQuantizable(graph: QdqGraph, node: NodeProto, findings: Findings): void {
  if (!graph.dequantizerOf(node.input[0]) || leadsToQuantizer(graph, node)) return;
  findings.add({
    code: 'output-not-quantized',
    severity: 'warning',
    node: graph.nameOf(node),
    message: `'${graph.nameOf(node)}' reads codes and leaves float: TensorRT runs it in float.`,
    remedy: 'Quantize its result as well, or leave its input in float.',
  });
}

/** Operators past which TensorRT moves quantizers. */
const COMMUTING = new Set([
  ...['Relu', 'Clip', 'MaxPool', 'Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'],
  ...['Slice', 'Split', 'Gather', 'Concat', 'Expand', 'Identity', 'Resize', 'DepthToSpace'],
]);

/** True where a result becomes codes, directly or behind what commutes with quantizers. */
function leadsToQuantizer(graph: QdqGraph, node: NodeProto): boolean {
  return node.output.some((output) =>
    graph
      .readers(output)
      .some(
        (reader) =>
          graph.isQuantize(reader) ||
          (COMMUTING.has(reader.opType) && leadsToQuantizer(graph, reader)),
      ),
  );
}

/** Axis of the output channels in a layer's weight; null where it is not known. */
function outputAxis(graph: QdqGraph, node: NodeProto): number | null {
  if (node.opType === 'Conv') return 0;
  if (node.opType === 'ConvTranspose') return 1;
  if (node.opType === 'Gemm')
    return node.attribute.some((a) => a.name === 'transB' && a.i !== 0n) ? 0 : 1;
  const rank = graph.rankOf(node.input[1] ?? '');
  return rank === null ? null : rank - 1;
}
