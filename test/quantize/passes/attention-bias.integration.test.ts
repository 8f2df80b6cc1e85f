/** Attention without a bias, which the runtime does not survive, gets one of zeros. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { serializeModel, type Feed, type Model } from '../../../src/onnx';
import { attentionBias } from '../../../src/quantize/passes/attention-bias';
import { prepare } from '../../../src/quantize/prepare';
import { runnable } from '../../../src/quantize/runnable';
import { floats, model, op } from '../../onnx/build';
import { branch } from '../../lib/bodies';
import { temporaryFolder } from '../../lib/files';
import { GraphBuilder, printGraph } from '../../lib/graph';
import { applied, untouched } from '../../lib/pass';
import { outputs, randomFeed, relativeDifference } from '../../lib/runtime';

const folder = temporaryFolder();
const CONTRIB = 'com.microsoft';
const [B, S, H, HEADS] = [2, 5, 8, 2];

interface Form {
  bias?: boolean;
  /** The weight is an input of the model. */
  computed?: boolean;
  causal?: boolean;
  sizes?: number[];
}

function packed({ bias = false, computed = false, causal = false, sizes }: Form = {}): Model {
  const g = new GraphBuilder(17);
  const width = (sizes ?? [H, H, H]).reduce((a, b) => a + b, 0);
  const x = g.input('x', [B, S, H]);
  const w = computed ? g.input('w', [H, width]) : g.random('w', [H, width]);
  const attributes = {
    num_heads: HEADS,
    ...(causal ? { unidirectional: 1 } : {}),
    ...(sizes ? { qkv_hidden_sizes: sizes } : {}),
  };
  const inputs = [x, w, ...(bias ? [g.random('b', [width])] : [])];
  return g.output(g.node('att', 'Attention', inputs, attributes, ['y'], CONTRIB)).build();
}

/** The same in operators of ONNX, without a bias. */
function writtenOut({ causal = false, sizes = [H, H, H] }: Form = {}): Model {
  const g = new GraphBuilder(17);
  const x = g.input('x', [B, S, H]);
  const all = g.node('m', 'MatMul', [x, g.random('w', [H, sizes.reduce((a, b) => a + b, 0)])]);
  const parts = g.node('s', 'Split', [all, g.ints('n', sizes)], { axis: 2 }, ['q', 'k', 'v']);
  const heads = (part: string, perm: number[]) => {
    const shape = g.ints(`${part}_n`, [0, 0, HEADS, -1]);
    return g.node(`${part}_t`, 'Transpose', [g.node(`${part}_r`, 'Reshape', [part, shape])], {
      perm,
    });
  };
  const scores = g.node('qk', 'MatMul', [heads(parts, [0, 2, 1, 3]), heads('k', [0, 2, 3, 1])]);
  const scaled = g.node('d', 'Div', [scores, g.constant('r', [], [Math.sqrt(sizes[0]! / HEADS)])]);
  const mask = Float32Array.from({ length: S * S }, (_, i) =>
    i % S > Math.floor(i / S) ? -1e4 : 0,
  );
  const masked = causal ? g.node('a', 'Add', [scaled, g.constant('c', [S, S], mask)]) : scaled;
  const weighed = g.node('p', 'MatMul', [
    g.node('soft', 'Softmax', [masked], { axis: -1 }),
    heads('v', [0, 2, 1, 3]),
  ]);
  const back = g.node('b', 'Transpose', [weighed], { perm: [0, 2, 1, 3] });
  return g.output(g.node('y', 'Reshape', [back, g.ints('flat', [0, 0, -1])])).build();
}

/** How a process of its own ends that runs a model on zeros. */
function runApart(model: Model) {
  const script = `
    const ort = require('onnxruntime-node');
    (async () => {
      const session = await ort.InferenceSession.create(process.argv[1], { logSeverityLevel: 4 });
      await session.run({ x: new ort.Tensor('float32', new Float32Array(${B * S * H}), [${B}, ${S}, ${H}]) });
    })();`;
  const file = folder.put('model.onnx', serializeModel(model));
  return spawnSync(process.execPath, ['-e', script, file]);
}

describe('attentionBias', () => {
  it('adds zeros', async () => {
    const { text } = await applied(attentionBias, packed());
    expect(text).toMatchInlineSnapshot(`
      "(x float32[2,5,8])
      att: y = com.microsoft.Attention(x, w[8,24], att.bias[24]) {num_heads=2}
      → y"
    `);
  });

  it('keeps the runtime alive', () => {
    // where this fails, the runtime has learnt to do without, and the pass can go
    expect(runApart(packed()).status).not.toBe(0);
    expect(runApart(runnable(packed())).status).toBe(0);
  });

  it.each<[string, Form]>([
    ['plain', {}],
    ['causal', { causal: true }],
    ['with V of another size', { sizes: [H, H, 2 * H] }],
  ])('computes the same: %s', async (_, form) => {
    const feed = randomFeed(packed(form));
    const [got] = Object.values(await outputs(runnable(packed(form)), feed));
    const [want] = Object.values(await outputs(writtenOut(form), feed));
    const difference = relativeDifference(got!.data as Float32Array, want!.data as Float32Array);
    expect(difference).toBeLessThan(1e-5);
  });

  it('asks a computed weight for its width', async () => {
    const computed = packed({ computed: true });
    const after = runnable(computed);
    expect(printGraph(after)).toContain('ConstantOfShape');
    const feed = randomFeed(computed);
    const given = new Map([['w', feed.w!.data as Float32Array]]);
    const constant = packed();
    for (const t of constant.graph.initializer) {
      const values = given.get(t.name);
      if (values) t.rawData = new Uint8Array(values.buffer);
    }
    const [got] = Object.values(await outputs(after, feed));
    const [want] = Object.values(await outputs(runnable(constant), { x: feed.x! }));
    expect(got!.data).toEqual(want!.data);
  });

  it('reaches into bodies', async () => {
    const attention = () => op('Attention@com.microsoft', ['x', 'w'], ['t'], { num_heads: HEADS });
    const made = model({
      opset: 17,
      inputs: { x: [B, S, H], c: { type: 'bool', shape: [] } },
      outputs: { y: null },
      nodes: [
        op('If', ['c'], ['y'], {
          then_branch: branch('t', { nodes: [attention()] }),
          else_branch: branch('t', { nodes: [op('Neg', ['x'], ['t'])] }),
        }),
      ],
      initializers: [floats('w', [H, 3 * H])],
    });
    const x = randomFeed(packed()).x!;
    const feed: Feed = { x, c: { type: 'bool', dims: [], data: Uint8Array.of(1) } };
    const alone = model({
      opset: 17,
      inputs: { x: [B, S, H] },
      outputs: { t: null },
      nodes: [attention()],
      initializers: [floats('w', [H, 3 * H])],
    });
    const [got] = Object.values(await outputs(runnable(made), feed));
    const [want] = Object.values(await outputs(runnable(alone), { x }));
    expect(got!.data).toEqual(want!.data);
  });

  it('is part of preparing, before anything runs', async () => {
    const { model: prepared } = await prepare(packed());
    expect(prepared.graph.node[0]!.input).toHaveLength(3);
  });

  it('does nothing where there is a bias', async () => {
    expect(await untouched(attentionBias, packed({ bias: true }))).toBe(true);
    const given = packed({ bias: true });
    expect(runnable(given)).toBe(given);
  });
});
