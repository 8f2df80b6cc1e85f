import path from 'node:path';
import {
  intAttribute,
  isDefaultDomain,
  subgraphs,
  type GraphProto,
  type Model,
  type NodeProto,
} from '../onnx';
import type { LoadAdvice } from '../results';

/**
 * First onnxruntime release that implements an opset (https://onnxruntime.ai/docs/reference/compatibility.html); where the
 * documents disagree, the later one.
 */
const OPSET_SINCE: readonly [opset: number, release: number][] = [
  [11, 0],
  [12, 3],
  [13, 6],
  [14, 8],
  [15, 9],
  [16, 11],
  [17, 12],
  [18, 14],
  [19, 15],
  [20, 17],
  [21, 18],
  [22, 21],
  [23, 23],
  [24, 24],
];
/** First release that reads a version of the file format; later ones refuse to load it, whatever the opset. */
const IR_SINCE: readonly [ir: number, release: number][] = [
  [6, 0],
  [7, 3],
  [8, 9],
  [9, 15],
  [10, 18],
  [11, 23],
  [12, 24],
];
/** First release that has a kernel; `Q/DQ` is the fusion of QuantizeLinear pairs into integer kernels. */
const OPERATOR_SINCE: Readonly<Record<string, number>> = {
  DynamicQuantizeMatMul: 3,
  DynamicQuantizeLSTM: 6,
  MatMulIntegerToFloat: 3,
  QLinearAdd: 3,
  MatMulNBits: 17,
  'Q/DQ': 8,
};

/**
 * What operators with packed weights need beyond the first release that has them: 8 bits came to MatMulNBits in 1.22
 * (pull request 24491), and to GatherBlockQuantized, as bytes and with zero points, in 1.23 (25214).
 */
function packedSince(node: NodeProto): number {
  if (node.opType === 'MatMulNBits') return intAttribute(node, 'bits', 4) === 8 ? 22 : 17;
  return node.opType === 'GatherBlockQuantized' ? 23 : 0;
}

/** What a written model needs of its runtime, and the lines that load it. @param file where it was written */
export function loadAdvice(model: Model, file: string): LoadAdvice {
  const operators = new Set<string>();
  const contrib = new Set<string>();
  const packed: number[] = [];
  walk(model.graph, (node) => {
    if (isDefaultDomain(node.domain)) operators.add(node.opType);
    else contrib.add(`${node.domain}.${node.opType}`);
    packed.push(packedSince(node));
  });
  const irVersion = Number(model.proto.irVersion);
  const needs = [since(OPSET_SINCE, model.opset), since(IR_SINCE, irVersion), ...packed];
  if (operators.has('QuantizeLinear')) needs.push(OPERATOR_SINCE['Q/DQ']!);
  for (const name of contrib) needs.push(OPERATOR_SINCE[name.split('.').at(-1)!] ?? 0);
  const name = path.basename(file);
  return {
    opset: model.opset,
    irVersion,
    contribOps: [...contrib].sort(),
    runtime: `onnxruntime ≥ 1.${Math.max(...needs)}`,
    python: [
      'import onnxruntime as ort',
      `session = ort.InferenceSession(${JSON.stringify(name)}, providers=["CPUExecutionProvider"])`,
      `outputs = session.run(None, {${model.graph.input.map((v) => `${JSON.stringify(v.name)}: ${variable(v.name)}`).join(', ')}})`,
    ].join('\n'),
    cpp: [
      '#include <onnxruntime_cxx_api.h>',
      'Ort::Env env;',
      `Ort::Session session(env, ORT_TSTR(${JSON.stringify(name)}), Ort::SessionOptions{});`,
    ].join('\n'),
    node: [
      "import * as ort from 'onnxruntime-node';",
      `const session = await ort.InferenceSession.create(${quoted(name)});`,
      `const outputs = await session.run({ ${model.graph.input.map((v) => `${quoted(v.name)}: ${variable(v.name)}`).join(', ')} });`,
    ].join('\n'),
  };
}

/** The release of the smallest entry that covers `version`; the newest one for versions beyond the table. */
function since(table: readonly [number, number][], version: number): number {
  return (table.find(([covered]) => version <= covered) ?? table.at(-1)!)[1];
}

function walk(graph: GraphProto, visit: (node: NodeProto) => void): void {
  for (const node of graph.node) {
    visit(node);
    for (const body of subgraphs(node)) walk(body, visit);
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A tensor's name as the name of a variable. */
function variable(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, '_');
  return /^[A-Za-z_]/.test(plain) ? plain : `x_${plain}`;
}
