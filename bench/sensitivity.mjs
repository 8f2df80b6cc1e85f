// What it costs to try every layer alone: all of them together, as the engine does it, and one by one.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { at } from '../scripts/lib/paths.mjs';
import { answerOf } from './calibration.mjs';
import { cases } from './cases.mjs';
import { bundleSensitivity } from './lib/source.mjs';
import { fixed, table } from './lib/table.mjs';

/** How many times faster than one by one. */
const FASTER = 3;
export const MODELS = {
  mobilenet: 'mobilenet_v1_0.25',
  ultraface: 'ultraface_rfb_320_simplified',
  resnet8: 'resnet8_cifar10',
  char_gpt: 'char_gpt (dynamic)',
};
/** The defaults, under which every layer is corrected for itself, and nothing but rounding. */
export const RECIPES = { defaults: {}, 'no correction': { improve: [] } };

/** A row by model and recipe. */
export async function sensitivity(bench) {
  const rows = [];
  for (const name of Object.keys(MODELS))
    for (const which of Object.keys(RECIPES))
      await bench.attempt(`every layer alone: ${name}, ${which}`, async () => {
        rows.push(await row(bench, name, which));
      });
  const head = [
    'Model',
    'Layers',
    'Samples',
    'Together',
    'One by one',
    'Times faster',
    'By the clock',
  ];
  return [
    'Processor time of a static recipe whose data is decoded and whose ranges are known. One by one, the model is quantized ' +
      'anew for each layer with all others kept in FP32 and run on the same samples; with the defaults its biases are ' +
      'corrected anew, too, and together every layer is corrected for itself in one pass. Where not all layers were taken ' +
      'one by one, those that were stand for all; one that is quantized only beside others counts as nothing there. By the clock ' +
      'is the same ratio as people wait for it; both ways run with one intra-op thread.',
    table([...head, 'Required', ''], rows),
  ];
}

/** Writes the recipe of one of the models in a folder of its own. */
export function layersRecipe(bench, name, which, more = {}) {
  const folder = mkdtempSync(join(bench.folder, 'layers-'));
  const made = cases.find((c) => c.name === MODELS[name]).recipe(bench.shared, folder);
  // the text has no set of its own: what is timed does not depend on which windows the ranges come from
  const calibration = made.calibration ?? { data: made.evaluate.data, samples: 64 };
  const recipe = { ...made, output: 'int8.onnx', calibration, quantization: RECIPES[which] };
  const recipePath = join(folder, 'bench.quant.yaml');
  writeFileSync(recipePath, stringify({ ...recipe, ...more }));
  return recipePath;
}

async function row(bench, name, which) {
  const recipePath = layersRecipe(bench, name, which, { sensitivity: { budget_s: 600 } });
  // to correct for every layer takes minutes, and its cost is much the same for each
  const few = which === 'defaults' ? (bench.quick ? 4 : 8) : Infinity;
  const [rounds, most] = [bench.quick ? 1 : 3, few];
  const args = [await bundleSensitivity(), recipePath, rounds, most].map(String);
  const m = await answerOf(at('bench/lib/sensitivity-cost.mjs'), args);
  return [
    `${name}, ${which}`,
    m.picked < m.layers ? `${m.layers} (${m.picked} one by one)` : m.layers,
    m.samples,
    `${fixed(m.together, 2)} s`,
    `${fixed(m.apart, 2)} s`,
    `${fixed(m.ratio, 2)} ×`,
    `${fixed(m.clock, 2)} ×`,
    `≥ ${FASTER} ×`,
    bench.tally.check(
      `${name}, ${which}: every layer alone, ${FASTER} × faster`,
      m.ratio >= FASTER,
    ),
  ];
}
