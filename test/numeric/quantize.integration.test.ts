/** The second opinion: onnxruntime's own QuantizeLinear and DequantizeLinear. */
import { create, toBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { ModelProtoSchema } from '../../src/onnx/gen/onnx_pb';
import {
  chooseChannelParams,
  chooseParams,
  dequantize,
  dequantizePerChannel,
  quantizeArray,
  quantizePerChannel,
  type QuantType,
} from '../../src/numeric/quantize';
import { Random } from '../../src/numeric/random';

const elemTypes = { uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6 } as const;
const value = (name: string, elemType: number) => ({
  name,
  type: { value: { case: 'tensorType' as const, value: { elemType } } },
});

/** x → QuantizeLinear → q → DequantizeLinear → y, with scale and zero point as inputs. */
async function session(type: QuantType, axis?: number): Promise<ort.InferenceSession> {
  const attribute = axis === undefined ? [] : [{ name: 'axis', type: 2, i: BigInt(axis) }];
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: 21n }],
    graph: {
      name: 'g',
      node: [
        { opType: 'QuantizeLinear', input: ['x', 's', 'z'], output: ['q'], attribute },
        { opType: 'DequantizeLinear', input: ['q', 's', 'z'], output: ['y'], attribute },
      ],
      input: [value('x', 1), value('s', 1), value('z', elemTypes[type])],
      output: [value('q', elemTypes[type]), value('y', 1)],
    },
  });
  return ort.InferenceSession.create(toBinary(ModelProtoSchema, model), {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
  });
}

const random = new Random(42);
/** Many ordinary values, the exact middles between codes, and the ends of the world. */
function values(scale: number, n = 4099): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => {
    if (i % 3 === 0) return (random.below(600) - 300 + 0.5) * scale;
    if (i % 101 === 0) return [Infinity, -Infinity, 3e38, -3e38, 1e-40][i % 5]!;
    return random.normal() * scale * 150;
  });
}

describe.each(['uint8', 'int8', 'uint16', 'int16'] as const)('%s in the runtime', (type) => {
  it.each([
    ['both signs', -1.7, 3.1, false],
    ['after ReLU', 0, 6, false],
    ['only negative', -5, -1, false],
    ['symmetric', -0.3, 0.2, true],
    ['small', -1e-6, 3e-6, false],
    ['large', -1e20, 3e21, false],
  ])('%s: the same codes and floats', async (_, min, max, symmetric) => {
    const params = chooseParams(min, max, type, { symmetric });
    const x = values(params.scale);
    const codes = quantizeArray(x, params, type);
    const run = await (
      await session(type)
    ).run({
      x: new ort.Tensor('float32', x, [x.length]),
      s: new ort.Tensor('float32', [params.scale], []),
      z: new ort.Tensor(type, quantizeArray([0], params, type), []),
    });
    expect(codes).toEqual(run.q!.data);
    expect(dequantize(codes, params)).toEqual(run.y!.data);
  });
});

it('per channel: the same codes and floats', async () => {
  const dims = [4, 5, 6];
  const x = Float32Array.from({ length: 120 }, (_, i) => random.normal() * (1 + (i % 7)));
  for (const axis of [0, 1, 2]) {
    const params = chooseChannelParams(x, dims, axis, 'int8', { symmetric: true });
    const codes = quantizePerChannel(x, dims, axis, params, 'int8', { symmetric: true });
    const run = await (
      await session('int8', axis)
    ).run({
      x: new ort.Tensor('float32', x, dims),
      s: new ort.Tensor(
        'float32',
        Float32Array.from(params, (p) => p.scale),
        [dims[axis]!],
      ),
      z: new ort.Tensor('int8', new Int8Array(dims[axis]!), [dims[axis]!]),
    });
    expect(codes).toEqual(run.q!.data);
    expect(dequantizePerChannel(codes, dims, axis, params)).toEqual(run.y!.data);
  }
});
