/** Layers with 16-bit activations, alone and between 8-bit ones. */
import { describe, expect, it } from 'vitest';
import { chooseParams, fakeQuantize, SQNR_CAP_DB, sqnrDb } from '../../src/numeric';
import { serializeModel, type Feed, type Model } from '../../src/onnx';
import { flawsOf } from '../../src/onnx/check-written';
import { place } from '../../src/quantize/placement';
import { writeQdq } from '../../src/quantize/qdq';
import { whyNotWide, widen, type WideType } from '../../src/quantize/wide';
import { optimizedGraph } from '../../src/runtime/optimized';
import { GraphBuilder, printGraph } from '../lib/graph';
import { WEIGHT_BITS } from '../lib/machine';
import { executed, ready, type Ready } from '../lib/quantize';
import { output, randomFeed, tensors } from '../lib/runtime';

/** Writes a model in which some layers have 16-bit activations (all, where none are named), some stay float, the others 8 bits. */
function written(
  subject: Ready,
  type: WideType,
  layers?: readonly string[],
  { float = [], bits = 8 }: { float?: readonly string[]; bits?: number } = {},
): Model {
  const weights = () => ({ granularity: 'channel' as const, bits });
  const { prepared, units, typeOf, statistics } = subject;
  const names = layers ?? units.map((u) => u.name);
  const paramsOf = (bits: 'uint8' | WideType) => (tensor: string) => {
    const s = statistics.get(tensor)!;
    return chooseParams(s.min, s.max, bits);
  };
  const whole = place(prepared, units, { keep: new Set(float) }, typeOf);
  const narrow = place(prepared, units, { keep: new Set([...names, ...float]) }, typeOf);
  const others = { ...narrow, units: narrow.units.filter((p) => !names.includes(p.unit.name)) };
  const { model } = writeQdq(prepared, others, paramsOf('uint8'), { type: 'uint8' }, weights);
  widen(model, whole, {
    types: new Map(names.map((name) => [name, type])),
    paramsOf: (tensor, t) => paramsOf(t)(tensor),
    weightSettings: weights,
  });
  return model;
}

function chain(opset = 13): Model {
  const g = new GraphBuilder(opset, 10);
  const conv = (name: string, x: string) =>
    g.node(
      name,
      'Conv',
      [x, g.random(`${name}.w`, [4, 4, 3, 3], 0.4), g.random(`${name}.b`, [4])],
      {
        pads: [1, 1, 1, 1],
      },
    );
  const first = g.node('relu', 'Relu', [conv('conv1', g.input('x', [1, 4, 8, 8]))]);
  const second = g.node('flip', 'Transpose', [conv('conv2', first)], { perm: [0, 1, 3, 2] });
  const third = conv('conv3', second);
  g.node('conv4', 'Conv', [third, g.random('conv4.w', [2, 4, 1, 1])], {}, ['y']);
  return g.output('y').build();
}

async function noise(model: Model, subject: Ready): Promise<number> {
  let [signal, error] = [0, 0];
  for (const feed of subject.feeds) {
    const [a, b] = [await output(subject.prepared, feed), await output(model, feed)];
    a.forEach((x, i) => {
      signal += x * x;
      error += (x - b[i]!) ** 2;
    });
  }
  return sqnrDb(signal, error);
}

/** The runtime's optimizations change nothing. */
async function runsAsWritten(model: Model, feed: Feed) {
  const plain = await output(model, feed, { optimization: 'disabled' });
  const optimized = await output(model, feed);
  let [signal, error] = [0, 0];
  plain.forEach((x, i) => {
    signal += x * x;
    error += (x - optimized[i]!) ** 2;
  });
  return sqnrDb(signal, error);
}

describe('16-bit activations', () => {
  it('stand in Q/DQ pairs of the runtime’s own before opset 21', async () => {
    const subject = await ready(chain());
    const model = written(subject, 'uint16');
    expect(printGraph(model)).toMatchInlineSnapshot(`
      "(x float32[1,4,8,8])
      x_uint16 = com.microsoft.QuantizeLinear(x, x_wide_scale[], x_wide_zero_point:uint16[])
      x_wide = com.microsoft.DequantizeLinear(x_uint16, x_wide_scale[], x_wide_zero_point:uint16[])
      conv1.weight_dequantized = DequantizeLinear(conv1.w_quantized:int8[4,4,3,3], conv1.w_scale[4], conv1.w_zero_point:int8[4]) {axis=0}
      conv1.bias_dequantized = DequantizeLinear(conv1.b_quantized:int32[4], conv1.b_scale[4], conv1.b_zero_point:int32[4]) {axis=0}
      conv1: conv1_out = Conv(x_wide, conv1.weight_dequantized, conv1.bias_dequantized) {pads=[1,1,1,1]}
      relu: relu_out_unrounded = Relu(conv1_out)
      relu_out_uint16 = com.microsoft.QuantizeLinear(relu_out_unrounded, relu_out_wide_scale[], relu_out_wide_zero_point:uint16[])
      relu_out = com.microsoft.DequantizeLinear(relu_out_uint16, relu_out_wide_scale[], relu_out_wide_zero_point:uint16[])
      conv2.weight_dequantized = DequantizeLinear(conv2.w_quantized:int8[4,4,3,3], conv2.w_scale[4], conv2.w_zero_point:int8[4]) {axis=0}
      conv2.bias_dequantized = DequantizeLinear(conv2.b_quantized:int32[4], conv2.b_scale[4], conv2.b_zero_point:int32[4]) {axis=0}
      conv2: conv2_out_unrounded = Conv(relu_out, conv2.weight_dequantized, conv2.bias_dequantized) {pads=[1,1,1,1]}
      conv2_out_uint16 = com.microsoft.QuantizeLinear(conv2_out_unrounded, conv2_out_wide_scale[], conv2_out_wide_zero_point:uint16[])
      conv2_out = com.microsoft.DequantizeLinear(conv2_out_uint16, conv2_out_wide_scale[], conv2_out_wide_zero_point:uint16[])
      flip: flip_out = Transpose(conv2_out) {perm=[0,1,3,2]}
      flip_out_uint16 = com.microsoft.QuantizeLinear(flip_out, conv2_out_wide_scale[], conv2_out_wide_zero_point:uint16[])
      flip_out_wide = com.microsoft.DequantizeLinear(flip_out_uint16, conv2_out_wide_scale[], conv2_out_wide_zero_point:uint16[])
      conv3.weight_dequantized = DequantizeLinear(conv3.w_quantized:int8[4,4,3,3], conv3.w_scale[4], conv3.w_zero_point:int8[4]) {axis=0}
      conv3.bias_dequantized = DequantizeLinear(conv3.b_quantized:int32[4], conv3.b_scale[4], conv3.b_zero_point:int32[4]) {axis=0}
      conv3: conv3_out_unrounded = Conv(flip_out_wide, conv3.weight_dequantized, conv3.bias_dequantized) {pads=[1,1,1,1]}
      conv3_out_uint16 = com.microsoft.QuantizeLinear(conv3_out_unrounded, conv3_out_wide_scale[], conv3_out_wide_zero_point:uint16[])
      conv3_out = com.microsoft.DequantizeLinear(conv3_out_uint16, conv3_out_wide_scale[], conv3_out_wide_zero_point:uint16[])
      conv4.weight_dequantized = DequantizeLinear(conv4.w_quantized:int8[2,4,1,1], conv4.w_scale[2], conv4.w_zero_point:int8[2]) {axis=0}
      conv4: y_unrounded = Conv(conv3_out, conv4.weight_dequantized)
      y_uint16 = com.microsoft.QuantizeLinear(y_unrounded, y_wide_scale[], y_wide_zero_point:uint16[])
      y = com.microsoft.DequantizeLinear(y_uint16, y_wide_scale[], y_wide_zero_point:uint16[])
      → y"
    `);
    expect(flawsOf(model, subject.prepared)).toEqual([]);
  });

  it.each(['uint16', 'int16'] as const)('of ONNX’s own from opset 21 on: %s', async (type) => {
    const subject = await ready(chain(21));
    const model = written(subject, type);
    const linear = model.graph.node.filter((n) => n.opType === 'QuantizeLinear');
    expect(new Set(linear.map((n) => n.domain))).toEqual(new Set(['']));
    expect(model.domainVersion('com.microsoft')).toBe(1); // the builder imports it
    expect(await noise(model, subject)).toBeGreaterThan(40);
  });

  it('leave the noise of int8 weights alone, far below that of 8-bit activations', async () => {
    const subject = await ready(chain());
    const narrow = written(subject, 'uint16', []);
    const wide = written(subject, 'uint16');
    expect((await noise(wide, subject)) - (await noise(narrow, subject))).toBeGreaterThan(3);
  });

  it('are what the file says, whatever the runtime optimizes', async () => {
    const subject = await ready(chain());
    for (const layers of [undefined, ['conv2'], ['conv1', 'conv3']]) {
      const model = written(subject, 'uint16', layers, { bits: WEIGHT_BITS });
      expect(await runsAsWritten(model, subject.feeds[0]!)).toBe(SQNR_CAP_DB);
    }
  });

  it('round as the kernel of this house does, and round a value that moves only once', async () => {
    const g = new GraphBuilder();
    g.node('fc', 'Gemm', [g.input('x', [2, 8]), g.random('w', [8, 8]), g.random('b', [8])]);
    g.node('flip', 'Transpose', ['fc_out'], { perm: [1, 0] });
    g.node('fc2', 'Gemm', ['flip_out', g.random('w2', [2, 3])], {}, ['y']);
    const subject = await ready(g.output('y').build());
    const model = written(subject, 'uint16');
    const feed = randomFeed(subject.prepared, 1);
    const q = model.graph.node.find((n) => n.opType === 'QuantizeLinear' && n.input[0] === 'x')!;
    const s = subject.statistics.get('x')!;
    const params = chooseParams(s.min, s.max, 'uint16');
    const dequantized = model.graph.node.find((n) => n.input[0] === q.output[0])!.output[0]!;
    const seen = await tensors(model, [dequantized], feed);
    expect(seen[dequantized]!.data).toEqual(
      fakeQuantize(feed['x']!.data as Float32Array, params, 'uint16'),
    );
  });
});

describe('a 16-bit layer between 8-bit ones', () => {
  it('reads their codes without loss: its scale is theirs / 256', async () => {
    const subject = await ready(chain());
    const model = written(subject, 'uint16', ['conv2']);
    expect(printGraph(model)).toMatchInlineSnapshot(`
      "(x float32[1,4,8,8])
      x_quantized = QuantizeLinear(x, x_scale[], x_zero_point:uint8[])
      x_dequantized = DequantizeLinear(x_quantized, x_scale[], x_zero_point:uint8[])
      conv1.weight_dequantized = DequantizeLinear(conv1.w_quantized:int8[4,4,3,3], conv1.w_scale[4], conv1.w_zero_point:int8[4]) {axis=0}
      conv1.bias_dequantized = DequantizeLinear(conv1.b_quantized:int32[4], conv1.b_scale[4], conv1.b_zero_point:int32[4]) {axis=0}
      conv1: relu_out = Conv(x_dequantized, conv1.weight_dequantized, conv1.bias_dequantized) {pads=[1,1,1,1]}
      relu_out_quantized = QuantizeLinear(relu_out, relu_out_scale[], relu_out_zero_point:uint8[])
      relu_out_dequantized = DequantizeLinear(relu_out_quantized, relu_out_scale[], relu_out_zero_point:uint8[])
      conv3.weight_dequantized = DequantizeLinear(conv3.w_quantized:int8[4,4,3,3], conv3.w_scale[4], conv3.w_zero_point:int8[4]) {axis=0}
      conv3.bias_dequantized = DequantizeLinear(conv3.b_quantized:int32[4], conv3.b_scale[4], conv3.b_zero_point:int32[4]) {axis=0}
      conv4.weight_dequantized = DequantizeLinear(conv4.w_quantized:int8[2,4,1,1], conv4.w_scale[2], conv4.w_zero_point:int8[2]) {axis=0}
      relu_out_uint16 = com.microsoft.QuantizeLinear(relu_out_dequantized, relu_out_wide_scale[], relu_out_wide_zero_point:uint16[])
      relu_out_wide = com.microsoft.DequantizeLinear(relu_out_uint16, relu_out_wide_scale[], relu_out_wide_zero_point:uint16[])
      conv2.weight_dequantized = DequantizeLinear(conv2.w_quantized:int8[4,4,3,3], conv2.w_scale[4], conv2.w_zero_point:int8[4]) {axis=0}
      conv2.bias_dequantized = DequantizeLinear(conv2.b_quantized:int32[4], conv2.b_scale[4], conv2.b_zero_point:int32[4]) {axis=0}
      conv2: conv2_out_unrounded = Conv(relu_out_wide, conv2.weight_dequantized, conv2.bias_dequantized) {pads=[1,1,1,1]}
      conv2_out_uint16 = com.microsoft.QuantizeLinear(conv2_out_unrounded, conv2_out_wide_scale[], conv2_out_wide_zero_point:uint16[])
      conv2_out = com.microsoft.DequantizeLinear(conv2_out_uint16, conv2_out_wide_scale[], conv2_out_wide_zero_point:uint16[])
      flip: flip_out = Transpose(conv2_out) {perm=[0,1,3,2]}
      flip_out_quantized = QuantizeLinear(flip_out, flip_out_scale[], flip_out_zero_point:uint8[])
      flip_out_dequantized = DequantizeLinear(flip_out_quantized, flip_out_scale[], flip_out_zero_point:uint8[])
      conv3: conv3_out = Conv(flip_out_dequantized, conv3.weight_dequantized, conv3.bias_dequantized) {pads=[1,1,1,1]}
      conv3_out_quantized = QuantizeLinear(conv3_out, conv3_out_scale[], conv3_out_zero_point:uint8[])
      conv3_out_dequantized = DequantizeLinear(conv3_out_quantized, conv3_out_scale[], conv3_out_zero_point:uint8[])
      conv4: y_unquantized = Conv(conv3_out_dequantized, conv4.weight_dequantized)
      y_quantized = QuantizeLinear(y_unquantized, y_scale[], y_zero_point:uint8[])
      y = DequantizeLinear(y_quantized, y_scale[], y_zero_point:uint8[])
      → y"
    `);
    const pair = model.graph.node.find(
      (n) => n.opType === 'QuantizeLinear' && n.domain === 'com.microsoft',
    )!;
    const [from, to] = [
      pair.input[0]!,
      model.graph.node.find((n) => n.input[0] === pair.output[0])!,
    ];
    for (const feed of subject.feeds) {
      const seen = await tensors(model, [from, to.output[0]!], feed);
      expect(seen[to.output[0]!]!.data).toEqual(seen[from]!.data);
    }
  });

  it('computes in float, and its neighbours in integers', async () => {
    const subject = await ready(chain());
    const model = written(subject, 'uint16', ['conv2']);
    const optimized = await optimizedGraph(serializeModel(model));
    const ops = optimized.graph.node.map((n) => n.opType);
    expect(ops.filter((o) => o === 'QLinearConv').length).toBe(3);
    expect(ops.filter((o) => o === 'Conv').length).toBe(1);
  });

  it('does better than in 8 bits', async () => {
    const subject = await ready(chain());
    const narrow = await noise(written(subject, 'int16', []), subject);
    expect(await noise(written(subject, 'int16', ['conv4', 'conv3']), subject)).toBeGreaterThan(
      narrow,
    );
  });
});

it('recurrent layers have no 16-bit form, and say so', async () => {
  const g = new GraphBuilder();
  const inputs = [g.input('x', [3, 1, 2]), g.random('W', [1, 8, 2]), g.random('R', [1, 8, 2])];
  g.node('lstm', 'LSTM', inputs, { hidden_size: 2 }, ['y']);
  const { units } = await ready(g.output('y').build());
  expect(units.map((u) => whyNotWide(u) !== null)).toEqual([true]);
});

/** Every way to give layers one of three kinds. */
function assignments<T>(layers: readonly string[], kinds: readonly T[]): Map<string, T>[] {
  return layers.reduce<Map<string, T>[]>(
    (all, layer) => all.flatMap((made) => kinds.map((kind) => new Map([...made, [layer, kind]]))),
    [new Map()],
  );
}

describe.each([13, 21])('layers of 8 and 16 bits and float ones, opset %d', (opset) => {
  it('run as they are written, in whatever order they stand', async () => {
    const subject = await ready(chain(opset));
    const names = subject.units.map(({ name }) => name);
    const off: string[] = [];
    for (const kinds of assignments(names, ['8', '16', 'float'])) {
      const of = (kind: string) => names.filter((name) => kinds.get(name) === kind);
      const model = written(subject, 'uint16', of('16'), {
        float: of('float'),
        bits: WEIGHT_BITS,
      });
      const db = await runsAsWritten(model, randomFeed(subject.prepared, 9));
      if (db < 45) off.push(`${[...kinds.values()].join(' ')}: ${db.toFixed(1)} dB`);
      const { of: runs } = await executed({ ...subject, model });
      for (const name of of('float'))
        if (runs(name).roundedWeights) off.push(`${[...kinds.values()].join(' ')}: ${name}`);
    }
    expect(off).toEqual([]);
  }, 60_000);
});
