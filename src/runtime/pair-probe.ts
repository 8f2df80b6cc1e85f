/** Whether this machine's integer kernels clip sums of pairs: asked of the kernels themselves. */
import { create } from '@bufbuild/protobuf';
import { makeNode, makeTensor, makeValueInfo, Model, opsetEntry, serializeModel } from '../onnx';
import { GraphProtoSchema, ModelProtoSchema } from '../onnx/gen/onnx_pb';
import { Session, type SessionSettings } from './session';

/** Two pairs of the largest products: 129 540, or with 16-bit sums twice 32 767. */
const EXACT = 4 * 255 * 127;

let answer: Promise<boolean> | null = null;

/**
 * True where `x₀·w₀ + x₁·w₁` of uint8 activations and int8 weights clips at 16 bits in onnxruntime's kernels here (x86
 * without VNNI, DESIGN §4.10). One product of four numbers is run, once a process.
 */
export function pairsClip(): Promise<boolean> {
  return (answer ??= probe());
}

/**
 * How a model of Q/DQ pairs is run so that no sum clips: where integer kernels would, as its float operators, between codes,
 * which is exact for sums below 2²⁴. The runtime's own option (`session.x64quantprecision`) leaves some models of signed codes
 * without a kernel.
 */
export async function withoutClipping(): Promise<SessionSettings> {
  return (await pairsClip()) ? { optimization: 'disabled' } : {};
}

async function probe(): Promise<boolean> {
  const graph = create(GraphProtoSchema, {
    name: 'pairs',
    node: [makeNode({ opType: 'MatMulInteger', name: 'm', inputs: ['x', 'w'], outputs: ['y'] })],
    initializer: [makeTensor('w', 'int8', [4, 1], new Int8Array(4).fill(127))],
    input: [makeValueInfo('x', 'uint8', [1, 4])],
    output: [makeValueInfo('y', 'int32', [1, 1])],
  });
  const proto = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [opsetEntry('', 13)],
    graph,
  });
  const session = await Session.open(serializeModel(new Model(proto, null, null)));
  try {
    const x = { type: 'uint8' as const, dims: [1, 4], data: new Uint8Array(4).fill(255) };
    const { y } = await session.run({ x });
    return y!.data[0] !== EXACT;
  } finally {
    await session.release();
  }
}
