/** The rounding of a result that only kept layers read: measured with the layer that writes it. */
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { Memory } from '../../src/jobs/memory';
import { openJob } from '../../src/jobs/open-job';
import { resultsOf } from '../../src/jobs/stages/layers';
import { experimentSettings } from '../../src/jobs/stages/quantize';
import { openStudy } from '../../src/jobs/study';
import { serializeModel } from '../../src/onnx';
import { npy, temporaryFolder } from '../lib/files';
import { GraphBuilder, randomValues } from '../lib/graph';
import { run } from '../lib/job';
import { project } from '../lib/project';

const folder = temporaryFolder();

/** Of each layer whose result is its own: the codes of experiments beside those that are written. */
async function bothCodes(recipePath: string) {
  const hooks = { progress: () => undefined };
  const { plan, subject, context } = await openJob({ recipePath }, new Memory(), hooks);
  const { quantized, calibrated } = await openStudy(plan, subject, context);
  const settings = experimentSettings(plan, subject, calibrated, quantized);
  const own = resultsOf(quantized);
  const both = subject.units
    .filter((u) => own.has(u.name))
    .map((unit) => {
      const { params, channels } = quantized.codesOf(unit.output)!;
      const written = { params, ...(channels && { channels }) };
      return { layer: unit.name, tried: settings.resultOf!(unit), written };
    });
  quantized.release();
  return both;
}

it('is tried with the codes that are written', async () => {
  const { recipePath, write } = await project(folder, 'codes');
  write({ keep_fp32: ['conv2'] });
  const both = await bothCodes(recipePath);
  expect(both.map((b) => b.layer)).toEqual(['conv1']);
  expect(both[0]!.tried).toEqual(both[0]!.written);
});

it('is tried with a scale for every channel where that is written', async () => {
  const g = new GraphBuilder();
  const image = [1, 3, 48, 48]; // so many values that a channel's own extremes tell
  let x = g.input('image', image);
  for (const [i, inputs] of [3, 4, 4, 4].entries())
    x = g.node(`conv${i}`, 'Conv', [x, g.random(`w${i}`, [4, inputs, 3, 3])], {
      pads: [1, 1, 1, 1],
    });
  folder.put('channels/net.onnx', serializeModel(g.output(x).build()));
  folder.put('channels/data.npy', npy([4, 3, 48, 48], randomValues(4 * 3 * 48 * 48, 'channels')));
  const recipePath = folder.put(
    'channels/net.quant.yaml',
    stringify({
      ...{ model: 'net.onnx', output: 'net.int8.onnx', keep_fp32: ['conv1', 'conv3'] },
      calibration: { data: 'data.npy' },
      evaluate: { data: 'data.npy' },
    }),
  );
  const both = await bothCodes(recipePath);
  const byChannel = both.filter((b) => b.written.channels);
  expect(byChannel.length).toBeGreaterThanOrEqual(2);
  for (const { layer, tried, written } of both) expect(tried, layer).toEqual(written);
});

it('is part of the layer’s share', async () => {
  const { recipePath, write } = await project(folder, 'share');
  write();
  const before = await run(recipePath);
  const ofBefore = before.result.layers.find((l) => l.name === 'conv1')!;
  expect(ofBefore.ownResult).toBeNull();
  write({ keep_fp32: ['conv2'] });
  const { layers } = (await run(recipePath)).result;
  const power = (db: number | null) => 10 ** (-db! / 10);
  const powers = new Map(
    layers
      .filter((l) => l.executed === 'int8')
      .map((l) => [
        l.name,
        power(l.onlyThisDb) + (l.ownResult ? power(l.ownResult.onlyThisDb) : 0),
      ]),
  );
  const conv1 = layers.find((l) => l.name === 'conv1')!;
  expect(conv1.ownResult!.onlyThisDb).toBeGreaterThan(20);
  expect(conv1.onlyThisDb).toBeCloseTo(ofBefore.onlyThisDb!, 6);
  const all = [...powers.values()].reduce((a, b) => a + b, 0);
  expect(conv1.noiseShare).toBeCloseTo(powers.get('conv1')! / all, 6);
});
