// Every model beside the repository, in each mode: it must end in a verified model or in a coded, placed reason.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { at } from '../scripts/lib/paths.mjs';
import { busy } from './lib/machine.mjs';
import { bundleCorpus, cache } from './lib/source.mjs';
import { table } from './lib/table.mjs';

/** No model may take longer, on a machine that has nothing else to do. */
const LIMIT_MS = 60_000;
const WORKERS = Number(process.env.VERNIER_CORPUS_WORKERS ?? 2);
/** "Not supported" may be said of so many models that load and hold a weight. */
const UNSUPPORTED = 1;
/** Lengths of open dimensions, one try after the other while the model refuses the data; large models begin with 1. */
const LENGTHS = [4, 1, 8, 2];
const LARGE = 100_000;
/** What integer inputs may be: 0 and 1, and where an index of 1 is too large, 0. */
const RANGES = [null, [0, 0.5]];
/** Codes that are our own fault. */
const CRASHES = [
  'internal',
  'job.worker-died',
  'job.kept-layer-quantized',
  'job.flawed-graph',
  'hang',
];
const VERIFIED = 'verified';

/** Paragraphs and tables. What is known of this build from an earlier run is not run again. */
export async function corpus(bench) {
  const { SHARED } = bench.shared;
  const engine = await bundleCorpus();
  const files = readdirSync(SHARED, { recursive: true })
    .filter((name) => name.endsWith('.onnx'))
    .sort()
    .filter((_, i) => !bench.quick || i % 10 === 0);
  const { modes } = engine;
  const todo = files
    .flatMap((file) => modes.map((mode) => ({ file, mode })))
    .filter(({ file, mode }) => bench.wants(`${mode} ${file}`));
  const known = new Journal(at('dist/worker.js'));
  const outcomes = [];
  const next = todo[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: WORKERS }, async (_, slot) => {
      const runner = new Runner(bench, engine, join(bench.folder, `corpus-${slot}`));
      for (const job of next) {
        const found = known.get(job) ?? (await runner.run(join(SHARED, job.file), job.mode));
        known.keep(job, found);
        outcomes.push({ ...job, ...found });
        if (outcomes.length % 100 === 0) console.error(`  ${outcomes.length} of ${todo.length}`);
      }
      runner.dispose();
    }),
  );
  await judge(outcomes, SHARED, engine);
  return report(bench, modes, files, outcomes);
}

/** Outcomes by build of the worker, a line each. */
class Journal {
  constructor(worker) {
    const build = createHash('sha256').update(readFileSync(worker)).digest('hex').slice(0, 16);
    mkdirSync(cache('corpus'), { recursive: true });
    for (const name of readdirSync(cache('corpus')))
      if (name !== `${build}.jsonl`) rmSync(cache('corpus', name));
    this.file = cache('corpus', `${build}.jsonl`);
    const lines = existsSync(this.file) ? readFileSync(this.file, 'utf8').trim().split('\n') : [];
    this.known = new Map(
      lines.filter(Boolean).map((line) => {
        const { key, ...found } = JSON.parse(line);
        return [key, found];
      }),
    );
  }

  get({ file, mode }) {
    return this.known.get(`${mode} ${file}`);
  }

  keep({ file, mode }, found) {
    const key = `${mode} ${file}`;
    if (this.known.has(key)) return;
    this.known.set(key, found);
    appendFileSync(this.file, `${JSON.stringify({ key, ...found })}\n`);
  }
}

/** Runs one model after the other in a worker of its own. */
class Runner {
  constructor(bench, engine, folder) {
    Object.assign(this, { bench, engine, folder, client: bench.client() });
  }

  /** Tries its own test data, or one length of the open dimensions after the other, as long as it is the data that is refused. */
  async run(model, mode) {
    const all = await this.engine.inputsOf(model).catch(() => []);
    const own = join(dirname(model), 'test_data_set_0');
    const tries = existsSync(own) ? [{ data: own, inputs: {} }] : [];
    const open = all.filter(isOpen);
    const large = open.some(({ shape }) => closed(shape, 4).reduce((a, b) => a * b, 1) > LARGE);
    const lengths = open.length === 0 ? [1] : large ? [1] : LENGTHS;
    const ranges = all.some(({ type }) => /int/.test(type)) ? RANGES : RANGES.slice(0, 1);
    for (const range of ranges)
      for (const length of lengths)
        tries.push({ data: 'random', inputs: hints(all, length, range) });
    let found;
    for (const attempt of tries) {
      const next = await this.once(model, mode, attempt);
      // the first answer that is not about the data counts; else the first of all
      found ??= next;
      if (!isAboutData(next)) return next;
    }
    return found;
  }

  async once(model, mode, { data, inputs }) {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    const recipe = {
      model,
      output: 'out.onnx',
      calibration: { data, samples: 4 },
      inputs,
      quantization: { mode },
    };
    const recipePath = join(this.folder, 'corpus.quant.yaml');
    const start = performance.now();
    const taken = () => Math.round(performance.now() - start);
    const signal = AbortSignal.timeout(Math.round(LIMIT_MS * Math.max(1, busy())));
    try {
      const text = JSON.stringify(recipe); // JSON is YAML
      const request = { recipePath, text, until: 'evaluate' };
      const result = await this.client.request('run', request, { signal });
      const compared = result.outputs.length;
      const sqnrDb = compared > 0 ? Math.min(...Object.values(result.sqnrDb)) : null;
      return { code: VERIFIED, compared, sqnrDb, ms: taken() };
    } catch (error) {
      const code = signal.aborted ? 'hang' : (error.code ?? 'internal');
      const { message, place = {} } = error;
      const { node, tensor, file } = place;
      const about = file === undefined ? null : file === model ? 'model' : relative('.', file);
      const ours = file?.endsWith('out.onnx') ?? false;
      return { code, message, node, tensor, about: ours ? 'output' : about, ms: taken() };
    }
  }

  dispose() {
    this.client.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** True where a recipe must say the shape. Lengths below 1 stand in some files and in no recipe: they stay as they are. */
const isOpen = ({ shape }) =>
  shape.some((dim) => typeof dim !== 'number') &&
  shape.every((dim) => typeof dim !== 'number' || dim > 0);

/** Every axis that the model leaves open gets `length`. */
const closed = (shape, length) => shape.map((dim) => (typeof dim === 'number' ? dim : length));

/** What the recipe says of the inputs that the model leaves open, and of those that are integers. */
const hints = (inputs, length, range) =>
  Object.fromEntries(
    inputs.flatMap((input) => {
      const hint = {
        ...(isOpen(input) ? { shape: closed(input.shape, length) } : {}),
        ...(range && /int/.test(input.type) ? { range } : {}),
      };
      return Object.keys(hint).length > 0 ? [[input.name, hint]] : [];
    }),
  );

/** True where other values or lengths may help. */
const isAboutData = ({ code, about }) =>
  code.startsWith('data.') || (code === 'model.does-not-run' && about !== 'output');

/** Adds to every refused model whether the runtime loads it, and whether it holds a weight to quantize. */
async function judge(outcomes, shared, engine) {
  const refused = outcomes.filter(({ code }) => code.startsWith('model.') && code !== VERIFIED);
  const loads = await whichLoad([...new Set(refused.map(({ file }) => join(shared, file)))]);
  for (const outcome of refused) {
    outcome.loads = loads.get(join(shared, outcome.file)) ?? false;
    outcome.weights = await engine.weightsOf(join(shared, outcome.file)).catch(() => []);
  }
}

/** Asks a process; where one ends early, the file that it was at does not load, and another goes on behind it. */
async function whichLoad(files) {
  const found = new Map();
  while (found.size < files.length) {
    const child = spawn(process.execPath, [at('bench/lib/loads.mjs')], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.stdin.on('error', () => undefined); // it may have ended
    child.stdin.end(files.filter((file) => !found.has(file)).join('\n'));
    for await (const line of createInterface({ input: child.stdout })) {
      const { file, loads } = JSON.parse(line);
      found.set(file, loads);
    }
    const stuck = files.find((file) => !found.has(file));
    if (stuck !== undefined) found.set(stuck, false);
  }
  return found;
}

function report({ tally }, modes, files, outcomes) {
  const codes = [...new Set(outcomes.map(({ code }) => code))].sort(
    (a, b) => (b === VERIFIED) - (a === VERIFIED) || a.localeCompare(b),
  );
  const count = (wanted) => outcomes.filter(wanted).length;
  const perMode = (wanted) =>
    modes.map((mode) => String(count((o) => o.mode === mode && wanted(o))));
  const rows = codes.flatMap((code) => [
    [code === VERIFIED ? '**verified**' : `\`${code}\``, ...perMode((o) => o.code === code)],
    ...(code === NOTHING
      ? [
          ['– holds no constant weight', ...perMode((o) => isNothing(o) && weightless(o))],
          ...kindsOfWeights(outcomes).map((kind) => [
            `– its weights: ${kind}`,
            ...perMode((o) => isNothing(o) && !weightless(o) && o.weights.join(', ') === kind),
          ]),
        ]
      : []),
  ]);
  const ours = outcomes.filter(
    (o) =>
      CRASHES.includes(o.code) ||
      (/^model\.does-not/.test(o.code) && o.about === 'output') ||
      (o.code === 'model.does-not-load' && o.loads),
  );
  const placeless = outcomes.filter(
    (o) => o.code !== VERIFIED && !o.node && !o.tensor && !o.about && !CRASHES.includes(o.code),
  );
  const unsupported = [
    ...new Set(
      outcomes
        .filter((o) => o.code.startsWith('model.unsupported') && o.loads && !weightless(o))
        .map((o) => o.file),
    ),
  ];
  const required = [
    ['crashes, hangs and files that do not load', ours.length, 0],
    ['reasons without a place', placeless.length, 0],
    ['models that load and hold a weight, called unsupported', unsupported.length, UNSUPPORTED],
  ].map(([what, got, most]) => [
    what,
    String(got),
    `≤ ${most}`,
    tally.check(`corpus: ${what}`, got <= most),
  ]);
  const say = ({ file, mode, code, message = '' }) =>
    `- ${file}, ${mode}: \`${code}\` ${message.split('\n')[0].slice(0, 300)}`;
  const list = [...ours, ...placeless].map(say);
  return [
    `${new Set(outcomes.map((o) => o.file)).size} of ${files.length} models, each on its own test data or on four random samples. A model has a weight where a layer ` +
      'reads a constant: the operators of those layers stand beside the models in which nothing can be quantized.',
    table(['Outcome', ...modes], [...rows, ['all', ...perMode(() => true)]]),
    table(['What', 'Measured', 'Required', ''], required),
    ...(list.length > 0 ? [list.join('\n')] : []),
    ...(unsupported.length > 0 ? [unsupported.map((file) => `- ${file}`).join('\n')] : []),
  ];
}

const NOTHING = 'model.nothing-to-quantize';
const isNothing = ({ code }) => code === NOTHING;
const weightless = ({ weights = [] }) => weights.length === 0;

/** The operators with weights of models in which a mode finds nothing to quantize, most frequent first. */
function kindsOfWeights(outcomes) {
  const counts = new Map();
  for (const { weights } of outcomes.filter((o) => isNothing(o) && !weightless(o)))
    counts.set(weights.join(', '), (counts.get(weights.join(', ')) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([kind]) => kind);
}
