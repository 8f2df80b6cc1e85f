import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { serializeModel } from '../../src/onnx';
import { profilePair, readProfile } from '../../src/runtime/profile';
import { optimizedGraph } from '../../src/runtime/optimized';
import { temporaryFolder } from '../lib/files';
import { GraphBuilder } from '../lib/graph';
import { randomFeed } from '../lib/runtime';

const folder = temporaryFolder();

function net() {
  const b = new GraphBuilder();
  b.input('x', [1, 3, 16, 16]);
  b.node('conv', 'Conv', ['x', b.random('w', [8, 3, 3, 3])], { pads: [1, 1, 1, 1] });
  b.node('relu', 'Relu', ['conv_out']);
  b.node('', 'Softmax', ['relu_out'], { axis: 1 }, ['y']);
  return b.output('y').build();
}

describe('profilePair', () => {
  it('times every node that the runtime executes, in both models', async () => {
    const model = net();
    const file = folder.at('net.onnx');
    writeFileSync(file, serializeModel(model));
    const settings = { threads: 1, pairs: 10, seconds: 1 };
    const pair = await profilePair(file, file, randomFeed(model), settings, 5);

    const executed = (await optimizedGraph(file)).graph.node;
    for (const { runs, nodes } of [pair.reference, pair.candidate]) {
      expect(runs.length).toBe(10);
      expect(nodes.map(({ op }) => op)).toEqual(executed.map(({ opType }) => opType));
      const named = executed.filter(({ name }) => name !== '');
      expect(nodes.map(({ name }) => name)).toEqual(
        expect.arrayContaining(named.map(({ name }) => name)),
      );
      for (const { ms } of nodes) expect(ms.length).toBe(10);
      // kernels are parts of their run
      runs.forEach((whole, i) =>
        expect(nodes.reduce((sum, { ms }) => sum + ms[i]!, 0)).toBeLessThanOrEqual(whole),
      );
    }
  });

  it('takes fewer runs of large graphs', async () => {
    const model = net();
    const file = folder.at('large.onnx');
    writeFileSync(file, serializeModel(model));
    const settings = { threads: 1, pairs: 50, seconds: 1 };
    const pair = await profilePair(file, file, randomFeed(model), settings, 10_000);
    expect(pair.reference.runs.length).toBe(10);
  });
});

describe('readProfile', () => {
  const node = (name: string, op_name: string, ts: number, dur: number) =>
    JSON.stringify({ cat: 'Node', name: `${name}_kernel_time`, ts, dur, args: { op_name } });
  const run = (ts: number, dur: number) =>
    JSON.stringify({ cat: 'Session', name: 'model_run', ts, dur, args: {} });

  it('gives a loop what its body leaves of it, and adds up the rounds', async () => {
    const file = folder.at('profile.json');
    const once = (at: number) => [
      node('before', 'Relu', at, 7),
      node('inner', 'MatMul', at + 10, 20),
      node('inner', 'MatMul', at + 35, 30),
      node('branch', 'If', at + 70, 5),
      node('loop', 'Loop', at + 8, 100),
      run(at, 120),
    ];
    const lines = [...once(1000), ...once(2000), node('cut', 'Relu', 3000, 1)];
    writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`);
    const all = await readProfile(file);
    expect(all.runs).toEqual([0.12, 0.12]);
    expect(all.nodes.map(({ name }) => name)).toEqual(['before', 'loop', 'inner', 'branch']);
    const first = all.nodes.map(({ ms }) => Number(ms[0]!.toFixed(6)));
    expect(first).toEqual([0.007, 0.045, 0.05, 0.005]);
    expect((await readProfile(file, 1)).runs).toEqual([0.12]);
  });

  it('fills in runs in which a node did not run', async () => {
    const file = folder.at('branches.json');
    const lines = [
      ...[node('a', 'Relu', 10, 2), run(5, 20)],
      ...[node('b', 'Relu', 50, 3), run(45, 20)],
    ];
    writeFileSync(file, `[\n${lines.join(',\n')}\n]\n`);
    const { nodes } = await readProfile(file);
    expect(nodes.map(({ ms }) => ms)).toEqual([
      [0.002, 0],
      [0, 0.003],
    ]);
  });
});
