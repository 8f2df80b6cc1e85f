/** Calibration in a thread: the same bits as on the spot, whatever the shapes; it goes on, and says what failed. */
import { describe, expect, it } from 'vitest';
import type { Feed } from '../../src/onnx';
import { calibrate, type CalibrateOptions } from '../../src/quantize/calibrate';
import type { StatisticsData } from '../../src/quantize/statistics';
import { openSink } from '../../src/quantize/statistics-sink';
import { GraphBuilder } from '../lib/graph';
import { each } from '../lib/quantize';

/** Batch and sides are open. */
function open() {
  const g = new GraphBuilder();
  const c = g.node('c', 'Conv', [g.input('x', ['n', 3, 'h', 'w']), g.random('w', [8, 3, 3, 3])]);
  g.output(g.node('p', 'GlobalAveragePool', [g.node('r', 'Relu', [c])]));
  return g.build();
}

const TENSORS = ['x', 'c_out', 'r_out', 'p_out', 'gone'];
const shapes = [
  [1, 3, 8, 8],
  [1, 3, 8, 8],
  [3, 3, 9, 5],
  [2, 3, 3, 3],
  [1, 3, 40, 31],
  [1, 3, 8, 8],
];
const feeds = (): Feed[] =>
  shapes.map((dims, i) => {
    const size = dims.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, k) => Math.sin(k * 1.7 + i) * (i + 1));
    return { x: { type: 'float32', dims, data } };
  });

const run = async (samples: Feed[], options: CalibrateOptions = {}) =>
  [...(await calibrate(open(), TENSORS, each(samples), options)).values()].map((s) => s.toData());

describe('calibrate in a thread', () => {
  it('is a thread here, where dist/ is built', async () => {
    const sink = openSink({ tensors: ['t'], before: null, depth: 'full' }, 'thread');
    expect(sink.kind).toBe('thread');
    await sink.close();
  });

  it('gives the very bits that it gives on the spot, for any batch and shape', async () => {
    const threaded = await run(feeds(), { statistics: 'thread' });
    expect(threaded).toEqual(await run(feeds(), { statistics: 'inline' }));
    expect(threaded[0]!.dims).toEqual([1, 3, 40, 31]);
    expect(threaded[1]!.samples).toBe(shapes.length);
    expect(threaded[4]!.samples).toBe(0);
  });

  it('leaves the data to whoever reads it', async () => {
    const samples = feeds();
    await run(samples, { statistics: 'thread' });
    expect(samples).toEqual(feeds());
  });

  it('goes on from where it was saved, to the same bits', async () => {
    const whole = await run(feeds());
    const saves: { data: StatisticsData[]; done: number }[] = [];
    await run(feeds(), {
      saveEveryMs: 0,
      onSave: async (data, done) => {
        saves.push({ data: JSON.parse(JSON.stringify(data)) as StatisticsData[], done });
        await Promise.resolve();
      },
    });
    expect(saves.length).toBeGreaterThan(1);
    for (const { data, done } of saves) {
      expect(data[1]!.samples).toBe(done);
      const rest = feeds().slice(done);
      expect(await run(rest, { before: data, positionOf: (i) => done + i })).toEqual(whole);
    }
  });

  it('throws what running a sample throws, and what saving throws', async () => {
    const [first] = feeds();
    const wrong: Feed = { x: { type: 'float32', dims: [1, 2, 8, 8], data: new Float32Array(128) } };
    await expect(run([first!, wrong])).rejects.toMatchObject({ code: 'model.does-not-run' });
    const failing = { saveEveryMs: 0, onSave: () => Promise.reject(new Error('disk full')) };
    await expect(run(feeds(), failing)).rejects.toThrow('disk full');
  });

  it('hears of a thread that ends', async () => {
    const sink = openSink({ tensors: ['t'], before: null, depth: 'full' }, 'thread');
    sink.add(0, [{ tensor: 7, dims: [1], data: Float32Array.of(1) }]);
    await expect(sink.snapshot()).rejects.toThrow();
    await expect(sink.ready()).rejects.toThrow();
    await sink.close();
  });
});
