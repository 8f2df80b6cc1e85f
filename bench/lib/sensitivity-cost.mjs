// A process of its own: every layer tried alone, all together as the engine does it, and one by one, each in a model quantized
// anew with all other layers kept. Processor time of whatever threads; the rounds take turns.
import { pathToFileURL } from 'node:url';
import { median } from './table.mjs';

const [bundle, recipePath, rounds, most] = process.argv.slice(2);
const engine = await import(pathToFileURL(bundle).href);

const hooks = { progress: () => undefined };
const { plan, subject, context } = await engine.openJob({ recipePath }, new engine.Memory(), hooks);
const study = await engine.openStudy(plan, subject, context);
const { samples, calibrated, quantized, layerSamples, exact } = study;
const layers = engine
  .experimentUnits(plan, subject, quantized)
  .filter(({ integer }) => integer)
  .map(({ unit }) => unit.name);
/** Of many layers, some that lie spread over the graph stand for all in the slow way. */
const picked = engine.spread(layers.length, Math.min(layers.length, Number(most)));

/** A context that has nothing to go on from, so that every round does the whole of it. */
function forgetful() {
  const nothing = () => Promise.resolve(null);
  const store = {
    ...{ read: nothing, write: nothing, remove: nothing, saveEveryMs: Infinity },
    ...{ readState: nothing, writeState: nothing, removeState: nothing, removeStates: nothing },
  };
  const meter = new engine.Meter(() => undefined);
  return { ...context, store, meter, memory: new engine.Memory() };
}

/** Seconds of processor time and by the clock. */
async function spending(body) {
  const before = process.cpuUsage();
  const start = performance.now();
  await body();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, clock: (performance.now() - start) / 1000 };
}

/** With every layer's own bias correction, where the recipe corrects. */
async function together() {
  const own = forgetful();
  const task = { ...study, context: own };
  const aloneBiases = await engine.correctAloneStage(task);
  return engine.layersAlone({ ...task, quantized: { ...quantized, aloneBiases } }, false);
}

/** FP32's means, which are the same for all layers, are taken once. */
const slow = forgetful();

/** Null for a layer that the writer quantizes only beside others: it costs nothing here, and is measured together all the same. */
async function oneByOne(layer) {
  const others = new Set(subject.units.map(({ name }) => name).filter((name) => name !== layer));
  const alone = await engine
    .writeStage(plan, subject, samples.calibration, calibrated, slow, others)
    .catch((error) => {
      if (error.code === 'model.nothing-to-quantize') return null;
      throw error;
    });
  if (!alone) return null;
  const sums = engine.wholeSums(alone.model, layerSamples.feeds, exact);
  return sums.finally(() => alone.release());
}

const spent = [];
for (let round = 0; round < Number(rounds); round++) {
  const all = await spending(together);
  const apart = { seconds: 0, clock: 0 };
  const share = layers.length / picked.length;
  for (const k of picked) {
    const one = await spending(() => oneByOne(layers[k]));
    apart.seconds += one.seconds * share;
    apart.clock += one.clock * share;
  }
  spent.push({ together: all, apart });
}
quantized.release();
process.send({
  layers: layers.length,
  picked: picked.length,
  samples: layerSamples.feeds.length,
  ratio: median(spent.map((s) => s.apart.seconds / s.together.seconds)),
  clock: median(spent.map((s) => s.apart.clock / s.together.clock)),
  together: median(spent.map((s) => s.together.seconds)),
  apart: median(spent.map((s) => s.apart.seconds)),
});
process.disconnect();
