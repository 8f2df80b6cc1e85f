// How close, how small and how fast each model of the table becomes, beside what is required and what the peer reaches.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { fixed, percent, signed, table } from './lib/table.mjs';
import { peerResult } from './peer.mjs';

const HEAD = ['Model', 'FP32', 'INT8', 'Difference, 95 %', 'Same label', 'Output SQNR, dB'];
HEAD.push('MACs run in INT8', 'Size', 'Speed, 1 thread', '');

/** Runs one case through the worker; resolves to its result and the layers that hurt. */
export async function runCase({ recipe }, folder, bench) {
  mkdirSync(folder, { recursive: true });
  const latency = bench.quick
    ? { threads: 1, pairs: 20, seconds: 0.5 }
    : { threads: 1, pairs: 60, seconds: 3 };
  const made = recipe(bench.shared, folder);
  const document = { output: 'int8.onnx', ...made };
  document.latency = bench.quick ? latency : (made.latency ?? latency);
  const recipePath = join(folder, 'bench.quant.yaml');
  writeFileSync(recipePath, stringify(document));
  const client = bench.client();
  try {
    const result = await client.request('run', { recipePath });
    return { result, hurting: bench.hurtingLayers(result), recipePath };
  } finally {
    client.dispose();
  }
}

/** All cases: a row for us, one for what is required, and those of the peer. */
export async function reach(chosen, bench) {
  const rows = [];
  const also = [];
  const lstm = [];
  for (const item of chosen) {
    const folder = join(bench.folder, item.name.replace(/\W+/g, '-'));
    const ran = await bench.attempt(item.name, () => runCase(item, folder, bench));
    if (!ran) {
      rows.push([`**${item.name}**`, ...HEAD.slice(2).map(() => ''), '**could not run**']);
      continue;
    }
    const { result, hurting } = ran;
    const checks = requirements(item, result, hurting);
    for (const { what, met } of checks) bench.tally.check(`${item.name}: ${what}`, met);
    const missed = checks.filter(({ met }) => !met).map(({ what }) => what);
    const verdict = missed.length === 0 ? 'ok' : `**MISS**: ${missed.join('; ')}`;
    rows.push([`**${item.name}**`, ...ourCells(result), verdict]);
    if (Object.keys(item.must).some((key) => key !== 'also'))
      rows.push(['required', ...requiredCells(item, result), '']);
    rows.push(...(await peerRows(item, result, bench)));
    for (const what of Object.keys(item.must.also ?? {}))
      also.push(`- ${item.name} ${what}: ${missed.includes(what) ? '**MISS**' : 'ok'}`);
    if (item.lstm) lstm.push({ units: item.lstm, latency: result.latency });
  }
  return { text: [table(HEAD, rows), ...(also.length ? [also.join('\n')] : [])], lstm };
}

/** The peer as measured here; where it was not, and for the best of its grid, as quoted. */
async function peerRows(item, result, bench) {
  const rows = [];
  const peer =
    item.peer &&
    bench.peer.version &&
    (await bench.attempt(`${item.name}, the peer`, () =>
      peerResult(item.peer, bench.peer, bench.worker, bench.quick),
    ));
  if (peer) rows.push([`onnxruntime.quantization ${peer.version}`, ...peerCells(peer, result)]);
  else if (item.quoted)
    rows.push(['onnxruntime.quantization (quoted)', ...quotedCells(item.quoted)]);
  if (item.best) rows.push(['best of its grid (quoted)', ...quotedCells(item.best)]);
  return rows;
}

/** One window's latency, from the same measurement. */
export function lstmTable(measured) {
  const rows = measured.flatMap(({ units, latency }) => [
    [`${units} units`, 'FP32', ms3(latency.fp32P50), ms3(latency.fp32P99), '', ''],
    ['', 'INT8', ms3(latency.int8P50), ms3(latency.int8P99), speedOf(latency), latency.verdict],
  ]);
  return table(['Hidden', 'Model', 'p50', 'p99', 'INT8 over FP32', 'Verdict'], rows);
}

const ms3 = (value) => `${fixed(value, 3)} ms`;
const speedOf = ({ speedup, low, high }) =>
  `${fixed(speedup, 2)} × (${fixed(low, 2)}–${fixed(high, 2)})`;

function requirements({ must }, result, hurting) {
  const { accuracy, agreement, latency } = result;
  const checks = [];
  const add = (what, met) => checks.push({ what, met });
  if (must.loses !== undefined) {
    const loss = (accuracy.fp32 - accuracy.int8) * (accuracy.higherIsBetter ? 1 : -1);
    add(accuracy.metric, loss <= must.loses + 1e-9);
  }
  if (must.same !== undefined) add('same label', agreement.value >= must.same);
  for (const [output, least] of Object.entries(sqnrOf(must.sqnr, result)))
    add(`SQNR of ${output}`, result.sqnrDb[output] >= least);
  if (must.speed !== undefined) {
    const open = latency.low <= must.speed && latency.high >= must.speed;
    add(
      `speed${open ? ' (not proven: the interval holds both)' : ''}`,
      latency.speedup >= must.speed,
    );
  }
  for (const [what, holds] of Object.entries(must.also ?? {})) add(what, holds(result, hurting));
  return checks;
}

/** Required dB by output name; a number alone means the first output. */
function sqnrOf(sqnr, { sqnrDb }) {
  if (sqnr === undefined) return {};
  return typeof sqnr === 'number' ? { [Object.keys(sqnrDb)[0]]: sqnr } : sqnr;
}

const formats = {
  top1: (value) => percent(value),
  'cross-entropy': (value) => `${fixed(value, 4)} nats`,
  mse: (value) => `MSE ${fixed(value, 4)}`,
};
const differences = {
  top1: (value) => signed(value * 100, 1),
  'cross-entropy': (value) => signed(value, 4),
  mse: (value) => signed(value, 4),
};

function ourCells({ accuracy, agreement, sqnrDb, int8MacShare, size, latency }) {
  const show = accuracy && formats[accuracy.metric];
  const difference = accuracy && differences[accuracy.metric];
  return [
    accuracy ? show(accuracy.fp32) : '–',
    accuracy ? show(accuracy.int8) : '–',
    accuracy ? `${difference(accuracy.low)} … ${difference(accuracy.high)}` : '–',
    agreement ? percent(agreement.value) : '–',
    decibels(sqnrDb),
    int8MacShare === null ? '–' : percent(int8MacShare),
    percent(size.int8 / size.fp32, 0),
    speedOf(latency),
  ];
}

function requiredCells({ must }, result) {
  const { accuracy } = result;
  const least = {
    top1: () => `≥ ${percent(accuracy.fp32 - must.loses)}`,
    'cross-entropy': () => `≤ ${formats['cross-entropy'](accuracy.fp32 + must.loses)}`,
  };
  const wanted = Object.entries(sqnrOf(must.sqnr, result));
  const several = wanted.length > 1;
  return [
    '',
    must.loses === undefined ? '' : least[accuracy.metric](),
    '',
    must.same === undefined ? '' : `≥ ${percent(must.same)}`,
    wanted.map(([name, value]) => `${several ? `${name} ` : ''}≥ ${fixed(value, 1)}`).join(', '),
    '',
    '',
    must.speed === undefined ? '' : `≥ ${fixed(must.speed, 2)} ×`,
  ];
}

/** @param ours says which metric it is; the peer's script counts accuracy in percent */
function peerCells({ fp32, int8, same, sqnr, bytes, speed }, { accuracy, size }) {
  const metric = accuracy?.metric;
  const show = (value) =>
    value === null || !metric ? '–' : formats[metric](metric === 'top1' ? value / 100 : value);
  return [
    show(fp32),
    show(int8),
    '',
    same === null ? '–' : percent(same),
    decibels(sqnr),
    '',
    percent(bytes / size.fp32, 0),
    `${fixed(speed, 2)} ×`,
    '',
  ];
}

const quotedCells = ({ int8 = '', same = '', sqnr = '', speed = '' }) => [
  '',
  int8,
  '',
  same,
  sqnr,
  '',
  '',
  speed,
  '',
];

function decibels(sqnr) {
  const entries = Object.entries(sqnr);
  if (entries.length === 0) return '–';
  return entries
    .map(([name, value]) => `${entries.length > 1 ? `${name} ` : ''}${fixed(value, 1)}`)
    .join(', ');
}
