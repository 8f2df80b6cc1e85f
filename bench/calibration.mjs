// A process of its own: calibration of one model against bare inference on the same samples, one thread each.
import { pathToFileURL } from 'node:url';
import { median } from './lib/table.mjs';

const [bundle, model, files, image, count] = process.argv.slice(2);
const engine = await import(pathToFileURL(bundle).href);

const subject = await engine.openSubject(model, new engine.Memory());
const data = JSON.parse(files);
const source = await engine.openData({
  data,
  image: JSON.parse(image),
  baseDir: '.',
  inputs: subject.inputs,
});
// few enough to be held, so that no decoder is timed
const feeds = [];
for (let i = 0; i < source.count; i++) feeds.push(await source.sample(i));
const many = Number(count);

/** Milliseconds of each run of the model alone. */
async function bare() {
  const session = await engine.Session.open(model);
  const times = [];
  for (let i = -3; i < many; i++) {
    const start = performance.now();
    await session.run(feeds[Math.max(i, 0) % feeds.length]);
    if (i >= 0) times.push(performance.now() - start);
  }
  await session.release();
  return times;
}

/** Milliseconds of each sample of a calibration: from handing it over to being asked for the next. */
async function calibration() {
  const times = [];
  async function* samples() {
    for (let i = 0; i < many; i++) {
      const start = performance.now();
      yield feeds[i % feeds.length];
      times.push(performance.now() - start);
    }
  }
  await engine.calibrate(subject.prepared, tensors, samples());
  return times;
}

const tensors = engine.tappedTensors(subject);
const [before, calibrated, after] = [await bare(), await calibration(), await bare()];
process.send({
  calibrateMs: median(calibrated),
  bareMs: median([...before, ...after]),
  tensors: tensors.length,
});
process.disconnect();
