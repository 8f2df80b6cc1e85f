// How well what is expected foretells what is measured: the order of the layers by the cheap stages of sensitivity, and the SQNR of
// the plans of mixed precision.
import { layersRecipe, MODELS, RECIPES } from './sensitivity.mjs';
import { fixed, table } from './lib/table.mjs';

/** Rank correlation of the analytic stage with the exact one at least, */
const LEAST_RANK = 0.8;
/** and decibels between a proposed plan's expected and measured SQNR at most. */
const MOST_DB = 1.5;
const PLANS = { layers: 8, timed: false };
const SECONDS = { sensitivity: 300, plans: 72 };

/** A row by model and recipe. */
export async function predictions(bench) {
  const rows = [];
  for (const name of Object.keys(MODELS))
    for (const which of Object.keys(RECIPES))
      await bench.attempt(`what is expected: ${name}, ${which}`, async () => {
        rows.push(await row(bench, name, which));
      });
  const head = ['Model', 'Layers', 'Analytic, rank', 'Two passes, rank', 'Required', ''];
  const plans = ['Plans that were run', 'Best of each size', 'Largest difference', 'Required', ''];
  return [
    "Spearman's rank correlation of what the cheap stages expect of each layer alone with what running it alone gives, in dB; and " +
      'the largest difference between the SQNR that all other plans let expect of a proposed plan, the best of its number of ' +
      `layers, and its own, after ${SECONDS.plans} s of search.`,
    table([...head, ...plans], rows),
  ];
}

async function row(bench, name, which) {
  const { layers } = await request(bench, name, which, 'sensitivity', {
    stage: 'exact',
    budgetSeconds: SECONDS.sensitivity,
  });
  const known = layers.filter(({ onlyThis }) => onlyThis !== null);
  const exact = known.map(({ onlyThis }) => onlyThis.sqnrDb);
  const [byStatistics, byPasses] = ['expectedDb', 'twoPassDb'].map((stage) => {
    const expected = known.map((layer) => layer[stage]);
    return expected.includes(null) ? null : bench.spearman(expected, exact);
  });
  const { plans } = await request(bench, name, which, 'plan', {
    ...PLANS,
    budgetSeconds: SECONDS.plans,
  });
  const best = plans.filter((plan) => plan.best && plan.predictedDb !== null);
  const off = Math.max(...best.map((p) => Math.abs(p.predictedDb - p.measured.sqnrDb)));
  const what = `${name}, ${which}`;
  return [
    what,
    known.length,
    rank(byStatistics),
    rank(byPasses),
    `≥ ${LEAST_RANK}`,
    bench.tally.check(`${what}: order of layers`, (byStatistics ?? -1) >= LEAST_RANK),
    plans.length,
    best.length,
    `${fixed(off, 2)} dB`,
    `≤ ${MOST_DB} dB`,
    bench.tally.check(`${what}: expected SQNR of plans`, off <= MOST_DB),
  ];
}

const rank = (value) => (value === null ? '–' : fixed(value, 2));

async function request(bench, name, which, kind, options) {
  const client = bench.client();
  try {
    return await client.request(kind, {
      recipePath: layersRecipe(bench, name, which),
      ...options,
    });
  } finally {
    client.dispose();
  }
}
