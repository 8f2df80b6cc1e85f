import {
  derivedTensor,
  floatAttribute,
  floatData,
  GraphIndex,
  intAttribute,
  makeTensor,
  tensorDims,
  tensorType,
  type Model,
  type NodeProto,
} from '../../onnx';
import { copyMessage } from '../../onnx/copy';
import type { PassContext } from '../context';
import { isRow } from './plain-gemm';

/**
 * BatchNormalization after Conv, ConvTranspose or Gemm goes into its weights and bias:
 * `w' = w · γ/√(σ²+ε)`, `b' = (b − μ) · γ/√(σ²+ε) + β` (Jacob et al. 2018, §3.2).
 * Does nothing where the producer's output has other readers, where a parameter is no float32 constant, or in training mode.
 */
export function foldBatchNorm(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  index.batch(() => {
    for (const bn of [...model.graph.node]) {
      if (bn.opType !== 'BatchNormalization' || bn.domain !== '') continue;
      const found = batchNormHost(index, bn);
      if (!('host' in found)) continue;
      fold(model, index, found.host, bn);
      context.absorb(bn.name, found.host.name);
    }
  });
  index.dropUnusedInitializers();
}

/** The node into which a BatchNormalization folds, or why there is none. */
export function batchNormHost(
  index: GraphIndex,
  bn: NodeProto,
): { host: NodeProto } | { blockedBy: string; reason: string } {
  const [x, ...rest] = bn.input;
  const host = x === undefined ? undefined : index.producer(x);
  if (!host || !['Conv', 'ConvTranspose', 'Gemm'].includes(host.opType))
    return {
      blockedBy: host?.name ?? bn.name,
      reason: host
        ? `it follows ${host.opType}, which has no weights to fold into`
        : 'it reads the input of the model',
    };
  if (intAttribute(bn, 'training_mode', 0) !== 0)
    return { blockedBy: bn.name, reason: 'it is in training mode: export the model in eval mode' };
  if (bn.output.slice(1).some((o) => o !== '' && index.consumers(o).length > 0))
    return { blockedBy: bn.name, reason: 'its running statistics are read by other nodes' };
  const others = index.consumers(x!).filter((n) => n !== bn);
  if (others.length > 0)
    return {
      blockedBy: others[0]!.name,
      reason: `'${others[0]!.name}' also reads the value before normalization`,
    };
  if (index.isGraphOutput(x!))
    return {
      blockedBy: host.name,
      reason: 'its output before normalization is an output of the model',
    };
  const parameters = [...rest.slice(0, 4), host.input[1]!, host.input[2] ?? ''];
  for (const name of parameters) {
    if (name === '') continue;
    const t = index.initializer(name);
    if (!t) return { blockedBy: host.name, reason: `'${name}' is computed, not a constant` };
    if (tensorType(t) !== 'float32')
      return { blockedBy: host.name, reason: `'${name}' is ${tensorType(t)}, not float32` };
  }
  if (host.opType === 'Gemm' && intAttribute(host, 'transA', 0) !== 0)
    return { blockedBy: host.name, reason: 'the Gemm transposes its input' };
  const bias = host.opType === 'Gemm' ? index.initializer(host.input[2] ?? '') : undefined;
  const channels = Number(index.initializer(rest[0]!)!.dims[0]);
  if (bias && !isRow(tensorDims(bias), channels))
    return { blockedBy: host.name, reason: 'the bias of the Gemm differs from row to row' };
  return { host };
}

function fold(model: Model, index: GraphIndex, host: NodeProto, bn: NodeProto): void {
  const read = (name: string) => floatData(index.initializer(name)!, model.dir);
  const [gamma, beta, mean, variance] = bn.input.slice(1, 5).map(read) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const epsilon = floatAttribute(bn, 'epsilon', 1e-5);
  const factor = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + epsilon));
  const weightTensor = index.initializer(host.input[1]!)!;
  const dims = tensorDims(weightTensor);
  const form = copyMessage(host); // as it is now, whenever values are computed
  const weights = () => {
    const values = floatData(weightTensor, model.dir);
    scaleChannels(form, dims, values, factor);
    return values;
  };
  const alphaBeta = host.opType === 'Gemm' ? floatAttribute(host, 'beta', 1) : 1;
  const oldBias = host.input[2] ? read(host.input[2]) : null;
  const bias = Float32Array.from(factor, (f, c) => {
    const b = oldBias ? (oldBias.length === 1 ? oldBias[0]! : oldBias[c]!) * alphaBeta : 0;
    return (b - mean[c]!) * f + beta[c]!;
  });
  const name = (suffix: string) => index.freshName(`${host.name}.${suffix}`);
  index.setInput(
    host,
    1,
    index.addInitializer(derivedTensor(weightTensor, name('weight'), 'float32', dims, weights)),
  );
  index.setInput(
    host,
    2,
    index.addInitializer(makeTensor(name('bias'), 'float32', [bias.length], bias)),
  );
  if (host.opType === 'Gemm') host.attribute = host.attribute.filter((a) => a.name !== 'beta');
  const out = bn.output[0]!;
  index.removeNode(bn);
  index.setOutput(host, 0, out);
}

/** Multiplies each output channel of a weight by its factor, in place. */
function scaleChannels(
  host: NodeProto,
  dims: readonly number[],
  w: Float32Array,
  factor: Float64Array,
): void {
  if (host.opType === 'ConvTranspose') {
    // [in, out/groups, …]
    const group = intAttribute(host, 'group', 1);
    const perGroup = dims[1]!;
    const inner = w.length / (dims[0]! * perGroup);
    const inPerGroup = dims[0]! / group;
    for (let i = 0; i < dims[0]!; i++)
      for (let o = 0; o < perGroup; o++) {
        const f = factor[Math.floor(i / inPerGroup) * perGroup + o]!;
        const at = (i * perGroup + o) * inner;
        for (let k = 0; k < inner; k++) w[at + k] = w[at + k]! * f;
      }
    return;
  }
  if (host.opType === 'Gemm' && intAttribute(host, 'transB', 0) === 0) {
    const n = dims[1]!;
    for (let i = 0; i < w.length; i++) w[i] = w[i]! * factor[i % n]!;
    return;
  }
  const inner = w.length / dims[0]!;
  for (let i = 0; i < w.length; i++) w[i] = w[i]! * factor[Math.floor(i / inner)]!;
}
