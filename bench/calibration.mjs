// A process of its own: calibration of one model against bare inference on the same samples, one thread each.
import { pathToFileURL } from 'node:url';

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

async function bare() {
  const session = await engine.Session.open(model);
  for (let i = 0; i < 3; i++) await session.run(feeds[0]);
  const start = performance.now();
  for (let i = 0; i < many; i++) await session.run(feeds[i % feeds.length]);
  const time = performance.now() - start;
  await session.release();
  return time;
}

async function* samples() {
  for (let i = 0; i < many; i++) yield feeds[i % feeds.length];
}

const tensors = engine.tappedTensors(subject);
const before = await bare();
const start = performance.now();
await engine.calibrate(subject.prepared, tensors, samples());
const calibrateMs = performance.now() - start;
const after = await bare();
process.send({ calibrateMs, bareMs: (before + after) / 2, tensors: tensors.length });
process.disconnect();
