/** What we write as codes is what the runtime's own QuantizeLinear computes, and what we read of them what its DequantizeLinear does. */
import fc, { runs } from '../lib/property';
import { describe, expect, it } from 'vitest';
import { chooseParams, quantizeArray } from '../../src/numeric';
import { GraphIndex, makeTensor, serializeModel, tensorData, type Model } from '../../src/onnx';
import { ConstantWriter, readConstant, type QuantizedConstant } from '../../src/quantize/weights';
import { Session } from '../../src/runtime/session';
import { constantOf, GraphBuilder, randomValues } from '../lib/graph';
import { outputs, value } from '../lib/runtime';

/** QuantizeLinear of `x` with these parameters. */
function quantizer(
  dims: readonly number[],
  scales: Float32Array,
  zero: Int8Array | Uint8Array | Int32Array,
  axis: number | null,
): Model {
  const g = new GraphBuilder();
  const shape = axis === null ? [] : [scales.length];
  const type = zero instanceof Int8Array ? 'int8' : zero instanceof Uint8Array ? 'uint8' : 'int32';
  const inputs = [
    g.input('x', dims),
    g.constant('scale', shape, scales),
    g.tensor(makeTensor('zero', type, shape, zero)),
  ];
  g.node('q', 'QuantizeLinear', inputs, axis === null ? {} : { axis }, ['y']);
  const model = g.output('y').build();
  model.graph.output[0]!.type = undefined;
  return model;
}

describe('codes of weights', () => {
  it.each([
    { what: 'Conv', dims: [6, 4, 3, 3], axis: 0, granularity: 'channel' as const },
    { what: 'ConvTranspose', dims: [4, 6, 2, 2], axis: 1, granularity: 'channel' as const },
    { what: 'Gemm', dims: [16, 5], axis: 1, granularity: 'channel' as const },
    { what: 'Gemm transB', dims: [5, 16], axis: 0, granularity: 'channel' as const },
    { what: 'MatMul of more axes', dims: [2, 5, 16], axis: null, granularity: 'channel' as const },
    { what: 'one scale', dims: [6, 4, 3, 3], axis: 0, granularity: 'tensor' as const },
  ])('$what $dims along axis $axis', async ({ dims, axis, granularity }) => {
    const count = dims.reduce((a, b) => a * b, 1);
    const g = new GraphBuilder();
    const values = randomValues(count, count).map((x, i) => x * (1 + (i % 13)));
    g.constant('w', dims, values);
    const model = g.build();
    const writer = new ConstantWriter(model, new GraphIndex(model.graph));
    const settings = { granularity, bits: 8 };
    const scales = writer.scales('w', axis, settings, null, null);
    const written = writer.weight('w', axis, settings, scales);
    const zero = new Int8Array(scales.length);
    const ours = tensorData(constantOf(model, written.codes));
    const opinion = await outputs(quantizer(dims, scales, zero, written.axis), {
      x: value(dims, values),
    });
    expect(ours).toEqual(opinion.y!.data);
    const largest = Math.max(...Array.from(ours as Int8Array, Math.abs));
    expect(largest).toBe(127); // the whole of −127…127, and never −128
  });
});

describe('codes of activations', () => {
  it.each(['uint8', 'int8'] as const)('%s, any range', { timeout: 60_000 }, async (type) => {
    const g = new GraphBuilder();
    const zeros = type === 'uint8' ? new Uint8Array(1) : new Int8Array(1);
    const inputs = [g.input('x', ['n']), g.input('scale', []), g.input('zero', [], type)];
    g.node('q', 'QuantizeLinear', inputs, {}, ['y']);
    g.node('dq', 'DequantizeLinear', ['y', 'scale', 'zero'], {}, ['back']);
    const model = g.output('y', 'back').build();
    model.graph.output[0]!.type = undefined;
    const session = await Session.open(serializeModel(model));
    const number = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 2, maxLength: 40 }), async (list) => {
        const x = Float32Array.from(list);
        const { scale, zeroPoint } = chooseParams(Math.min(...x), Math.max(...x), type);
        const zero = zeros.slice();
        zero[0] = zeroPoint;
        const { y, back } = await session.run({
          x: value([x.length], x),
          scale: value([], [scale]),
          zero: { type, dims: [], data: zero },
        });
        expect(quantizeArray(x, { scale, zeroPoint }, type)).toEqual(y!.data);
        // nothing is farther from itself than half a step (and the rounding of float32)
        (back!.data as Float32Array).forEach((b, i) =>
          expect(Math.abs(b - x[i]!)).toBeLessThanOrEqual(scale * 0.5 * (1 + 1e-5)),
        );
      }),
      { numRuns: runs(200) },
    );
    await session.release();
  });
});

describe('values of constants', () => {
  const biases = Float32Array.from({ length: 6 }, (_, c) => (c % 2 ? 7.7 : -0.0123) * 3 ** c);
  const scales = Float32Array.from({ length: 6 }, (_, c) => 1e-3 * (c + 1));
  const weights = { granularity: 'channel', bits: 8 } as const;
  it.each<[string, (writer: ConstantWriter) => QuantizedConstant]>([
    [
      'a weight by channel',
      (w) => w.weight('w', 0, weights, w.scales('w', 0, weights, null, null)),
    ],
    ['an operand with a zero point', (w) => w.operand('w', 'uint8')],
    // codes beyond 2^24, which float32 does not hold exactly
    ['an int32 bias', (w) => w.bias('b', 1e-4, scales, biases)],
  ])('are bit for bit those of the runtime: %s', async (_, write) => {
    const g = new GraphBuilder();
    const w = g.random('w', [6, 4, 3, 3]);
    const b = g.constant('b', [6], biases);
    g.output(g.node('c', 'Conv', [g.input('x', [1, 4, 5, 5]), w, b]));
    const model = g.build();
    const index = new GraphIndex(model.graph);
    const constant = write(new ConstantWriter(model, index));
    const d = new GraphBuilder();
    const inputs = [constant.codes, constant.scale, constant.zeroPoint].map((name) =>
      d.tensor(index.initializer(name)!),
    );
    const { axis } = constant;
    d.node('dq', 'DequantizeLinear', inputs, axis === null ? {} : { axis }, ['y']);
    const reader = d.output('y').build();
    reader.graph.output[0]!.type = undefined;
    const { y } = await outputs(reader, {});
    expect(readConstant(index, null, constant)).toEqual(y!.data);
    const codes = tensorData(index.initializer(constant.codes)!) as ArrayLike<number>;
    if (codes instanceof Int32Array)
      expect(Math.max(...codes.map(Math.abs))).toBeGreaterThan(2 ** 24);
  });
});
