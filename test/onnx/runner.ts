/** Runs models for tests: random feeds, the files of ONNX backend tests, and closeness as that suite means it. */
import { fromBinary } from '@bufbuild/protobuf';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { TensorProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { serializeModel } from '../../src/onnx/save';
import { valueType, type ElementType } from '../../src/onnx/schema';
import { elementCount, tensorData, tensorDims, tensorType } from '../../src/onnx/tensor';
import type { Model } from '../../src/onnx/model';

export type Feeds = Record<string, ort.Tensor>;

const ORT_TYPE: Partial<Record<ElementType, ort.Tensor.Type>> = {
  float32: 'float32',
  float64: 'float64',
  float16: 'float16',
  int8: 'int8',
  uint8: 'uint8',
  int16: 'int16',
  uint16: 'uint16',
  int32: 'int32',
  uint32: 'uint32',
  int64: 'int64',
  uint64: 'uint64',
  bool: 'bool',
  string: 'string',
};

/** A tensor of a `.pb` file; null where it is none that the runtime can take. */
export function readTensor(file: string): { name: string; value: ort.Tensor } | null {
  const proto = fromBinary(TensorProtoSchema, readFileSync(file));
  const type = ORT_TYPE[tensorType(proto)];
  if (!type) return null;
  const dims = tensorDims(proto);
  if (type === 'string') {
    const strings = proto.stringData.map((s) => new TextDecoder().decode(s));
    return { name: proto.name, value: new ort.Tensor('string', strings, dims) };
  }
  return { name: proto.name, value: tensor(type, tensorData(proto), dims) };
}

function tensor(type: ort.Tensor.Type, data: unknown, dims: readonly number[]): ort.Tensor {
  const make = ort.Tensor as unknown as new (
    t: string,
    d: unknown,
    s: readonly number[],
  ) => ort.Tensor;
  return new make(type, data, dims);
}

/** Seeded feeds within the declared shapes, numbers in [0, high) (floats from −high/4 on); open dimensions are 1. */
export function randomFeeds(model: Model, seed = 1, high = 1): Feeds {
  let state = seed >>> 0;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const constants = new Set(model.graph.initializer.map((t) => t.name));
  const feeds: Feeds = {};
  for (const input of model.graph.input) {
    if (constants.has(input.name)) continue;
    const { type, shape } = valueType(input);
    const dims = (shape ?? []).map((d) => (typeof d === 'number' && d > 0 ? d : 1));
    const values = Array.from({ length: elementCount(dims) }, () => next() * high);
    feeds[input.name] = tensor(ORT_TYPE[type] ?? 'float32', randomData(type, values, high), dims);
  }
  return feeds;
}

function randomData(type: ElementType, values: number[], high: number): unknown {
  const whole = values.map(Math.floor);
  switch (type) {
    case 'int64':
      return BigInt64Array.from(whole, BigInt);
    case 'int32':
      return Int32Array.from(whole);
    case 'uint8':
      return Uint8Array.from(values, (v) => (v / high) * 255);
    case 'int8':
      return Int8Array.from(values, (v) => (v / high) * 255 - 128);
    case 'bool':
      return Uint8Array.from(values, (v) => Number(v > high / 2));
    case 'float64':
      return Float64Array.from(values, (v) => v - high / 4);
    case 'float16':
      // ±0.03 … ±2, spread over the exponents
      return Uint16Array.from(
        values,
        (v, i) => 0x2800 + Math.floor((v / high) * 0x1800) + (i % 3 ? 0 : 0x8000),
      );
    case 'uint16':
      return Uint16Array.from(whole);
    case 'int16':
      return Int16Array.from(whole);
    case 'uint32':
      return Uint32Array.from(whole);
    case 'uint64':
      return BigUint64Array.from(whole, BigInt);
    case 'string':
      return values.map((v) => `s${Math.floor(v)}`);
    default:
      return Float32Array.from(values, (v) => v - high / 4);
  }
}

/** Runs a model as it stands, graph optimizations off unless asked for. */
export async function runModel(
  model: Model,
  feeds: Feeds,
  optimize: 'disabled' | 'all' = 'disabled',
): Promise<Feeds> {
  const session = await ort.InferenceSession.create(serializeModel(model), {
    graphOptimizationLevel: optimize,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

/** Why two tensors are not close, or null where they are: `|a − b| ≤ atol + rtol·|b|`, NaN equals NaN. */
export function difference(
  got: ort.Tensor | undefined,
  want: ort.Tensor,
  rtol = 1e-3,
  atol = 1e-5,
): string | null {
  if (!got) return 'missing';
  if (got.type !== want.type) return `type ${got.type} instead of ${want.type}`;
  if (got.dims.join() !== want.dims.join())
    return `shape [${got.dims.join()}] instead of [${want.dims.join()}]`;
  const a = got.data as ArrayLike<unknown>;
  const b = want.data as ArrayLike<unknown>;
  for (let i = 0; i < b.length; i++) {
    if (a[i] === b[i]) continue;
    const [x, y] = [Number(a[i]), Number(b[i])];
    if (Number.isNaN(x) && Number.isNaN(y)) continue;
    if (x === y && typeof b[i] !== 'string') continue;
    if (!(Math.abs(x - y) <= atol + rtol * Math.abs(y)))
      return `[${i}] = ${String(a[i])} instead of ${String(b[i])}`;
  }
  return null;
}

/** The feeds and expected outputs of a `test_data_set_*` folder, in the order of the model's inputs and outputs. */
export function backendCase(model: Model, folder: string): { feeds: Feeds; want: Feeds } | null {
  const { input, output } = model.graph;
  // sequences and optionals are other messages
  if ([...input, ...output].some((v) => v.type?.value.case !== 'tensorType')) return null;
  const constants = new Set(model.graph.initializer.map((t) => t.name));
  const inputs = input.map((v) => v.name);
  const files = readdirSync(folder);
  const count = files.filter((f) => /^input_\d+\.pb$/.test(f)).length;
  // some suites give a file for every input, others leave out those with an initializer
  const names = count === inputs.length ? inputs : inputs.filter((name) => !constants.has(name));
  const feeds: Feeds = {};
  const want: Feeds = {};
  for (const [i, name] of names.entries()) {
    const file = path.join(folder, `input_${i}.pb`);
    if (!existsSync(file)) return null;
    const found = readTensor(file);
    if (!found) return null;
    feeds[name] = found.value;
  }
  for (const [i, v] of output.entries()) {
    const file = path.join(folder, `output_${i}.pb`);
    if (!existsSync(file)) continue;
    const found = readTensor(file);
    if (!found) return null;
    want[v.name] = found.value;
  }
  return { feeds, want };
}
