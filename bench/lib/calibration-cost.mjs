// A process of its own: calibration of one model against bare inference on the same samples, one thread for either; the
// statistics have a thread of their own. Rounds take turns, so that whatever else the machine does meets all of them.
import { pathToFileURL } from 'node:url';
import { median } from './table.mjs';

const [bundle, which, count, rounds, peerSamples] = process.argv.slice(2);
const engine = await import(pathToFileURL(bundle).href);
const many = Number(count);

const pictures = (files, image) => ({ files, image });
const models = {
  mobilenet: {
    file: ['models', 'mobilenet_v1_0.25_224_imagenet.onnx'],
    ...pictures(engine.imagenet, { resize: 256, crop: 224, scale: '1/127.5', mean: 1 }),
  },
  ultraface: {
    file: ['models', 'ultraface_rfb_320_simplified.onnx'],
    ...pictures(engine.imagenet, { resize: [320, 240], scale: 1, mean: 127, std: 128 }),
  },
  char_gpt: { file: ['selftrained', 'char_gpt.onnx'] },
};

const { file, files, image } = models[which];
const model = engine.sharedFile(...file);
const subject = await engine.openSubject(model, new engine.Memory());
const tensors = engine.tappedTensors(subject);

/** Few enough to be held, so that no decoder is timed. */
async function samples() {
  if (!files)
    return engine
      .windows()
      .calibration.slice(0, 10)
      .map((text) => ({
        input_ids: { type: 'int64', dims: [1, 128], data: text.slice(0, 128) },
      }));
  const { inputs } = subject;
  const data = files().slice(0, 10);
  const source = await engine.openData({ data, image, baseDir: '.', inputs });
  return Promise.all(data.map((_, i) => source.sample(i)));
}
const feeds = await samples();
const feed = (i) => feeds[i % feeds.length];

/** Milliseconds of each run of a model alone. */
async function bare(session) {
  const times = [];
  for (let i = 0; i < many; i++) {
    const start = performance.now();
    await session.run(feed(i));
    times.push(performance.now() - start);
  }
  return times;
}

/** Milliseconds of each sample of a calibration: from handing it over to being asked for the next. */
async function calibration(depth) {
  const times = [];
  async function* each() {
    for (let i = 0; i < many; i++) {
      const start = performance.now();
      yield feed(i);
      times.push(performance.now() - start);
    }
  }
  await engine.calibrate(subject.prepared, tensors, each(), { depth });
  return times;
}

/** Seconds of a whole calibration with percentiles of every tensor, as the peer is timed. */
async function percentiles(total) {
  async function* each() {
    for (let i = 0; i < total; i++) yield feed(i);
  }
  const start = performance.now();
  const found = await engine.calibrate(subject.prepared, tensors, each());
  for (const one of found.values())
    engine.observe(one, 'percentile', 'uint8', { percentile: 99.999 });
  return (performance.now() - start) / 1000;
}

const file0 = await engine.Session.open(model);
const prepared = await engine.Session.open(engine.serializeModel(subject.prepared));
for (let i = 0; i < 5; i++) for (const session of [file0, prepared]) await session.run(feed(i));
const times = { bare: [], prepared: [], minmax: [], full: [] };
for (let round = 0; round < Number(rounds); round++) {
  times.bare.push(...(await bare(file0)));
  times.minmax.push(...(await calibration('minmax')));
  times.prepared.push(...(await bare(prepared)));
  times.full.push(...(await calibration('full')));
}
await Promise.all([file0.release(), prepared.release()]);
const medians = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
process.send({
  ...medians,
  tensors: tensors.length,
  percentileSeconds: Number(peerSamples) > 0 ? await percentiles(Number(peerSamples)) : null,
});
process.disconnect();
