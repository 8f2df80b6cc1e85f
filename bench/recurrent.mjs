// LSTM and GRU: what the chooser measures of them, one thread, on this machine.
import { execFileSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at } from '../scripts/lib/paths.mjs';
import { amx } from './lib/machine.mjs';
import { loadRecurrent } from './lib/source.mjs';
import { fixed, table } from './lib/table.mjs';

const STEPS = 60;

const LSTM = { required: 'dynamic ≥ 2.2 ×', met: (of) => of('dynamic') >= 2.2 };
const GRU = { required: 'an INT8 form > 1 ×', met: (of) => of('dynamic') > 1 || of('static') > 1 };

/**
 * 20 → 256 hidden units, 60 steps, two layers, and what issue 4 asks of each. One scale a direction is the faster form of an
 * LSTM's weights; one a channel stays the default, because streamed speech (DTLN) keeps 34 dB with it and 27 dB without.
 * Other widths say from where on a form pays.
 */
const LAYERS = [
  { op: 'LSTM' },
  { op: 'LSTM', granularity: 'tensor', ...LSTM },
  { op: 'LSTM', withoutAmx: true, ...LSTM },
  { op: 'LSTM', granularity: 'tensor', withoutAmx: true, ...LSTM },
  { op: 'GRU', ...GRU },
  { op: 'GRU', withoutAmx: true, ...GRU },
  { op: 'GRU', hidden: 64 },
  { op: 'GRU', hidden: 128 },
  { op: 'GRU', hidden: 384 },
  { op: 'GRU', hidden: 512 },
];

const NOTES =
  `“Without AMX” is the same machine with AMX's tiles refused to the process (bench/lib/without-amx.py), as on the processors with
VNNI that have none. With AMX the runtime multiplies an LSTM's single row of a state in tiles of 16 rows: that kernel alone takes
longer than all else of the step. Unsigned weights avoid it, but get a kernel of 16 bits that is slower still: docs/recurrent.md.

No operator of the runtime computes a GRU in integers. The form above is a Scan of eleven nodes a step, whose product with the
state is a MatMulNBits of 8 bits with the input part as its bias. The price of the ten small nodes hardly depends on the width, as
the times of one step below show: the form loses to FP32's one kernel in narrow layers and wins in wide ones.
`
    .replaceAll(/(?<!\n)\n(?!\n)/g, ' ')
    .trim();

export async function recurrent(bench) {
  const rows = [];
  const steps = [];
  const { twoLayers } = await loadRecurrent();
  const client = bench.client();
  const ask = async (recipePath, recipe, withoutAmx) => {
    const text = JSON.stringify(recipe);
    if (!withoutAmx) return client.request('choose', { recipePath, text });
    writeFileSync(recipePath, text);
    const node = [process.execPath, at('bench/lib/choose.mjs'), bench.worker, recipePath];
    const python = [at('bench/lib/without-amx.py'), ...node];
    return JSON.parse(execFileSync('python3', python, { encoding: 'utf8' }));
  };
  const choose = async (what, model, more, { required = '', met, withoutAmx = false } = {}) => {
    const recipe = { model, latency: { threads: 1 }, quantization: { mode: 'auto' }, ...more };
    const recipePath = join(bench.folder, `${what.replaceAll(/\W+/g, '-')}.quant.yaml`);
    const choice = await ask(recipePath, recipe, withoutAmx);
    const of = (mode) => choice.trials.find((t) => t.mode === mode)?.latency?.speedup ?? 0;
    const shown = (mode) => {
      const t = choice.trials.find((trial) => trial.mode === mode);
      if (!t?.latency) return t?.failure?.code ?? '';
      const { speedup, low, high } = t.latency;
      return `${fixed(speedup, 2)} × (${fixed(low, 2)}–${fixed(high, 2)}), ${fixed(t.worstDb ?? 0, 1)} dB`;
    };
    const verdict = met ? bench.tally.check(`${what}: ${required}`, met(of)) : '';
    rows.push([what, shown('dynamic'), shown('static'), choice.winner, required, verdict]);
    return choice;
  };
  try {
    for (const { op, hidden = 256, granularity, ...rest } of LAYERS) {
      if (rest.withoutAmx && !amx) continue;
      const form = [
        `${op} 20→${hidden}, ${STEPS} steps, 2 layers`,
        ...(granularity ? [`granularity: ${granularity}`] : []),
        ...(rest.withoutAmx ? ['without AMX'] : []),
      ].join(', ');
      await bench.attempt(form, async () => {
        const model = join(bench.folder, `${op}-${hidden}.onnx`);
        writeFileSync(model, twoLayers(op, 20, hidden, STEPS));
        const more = {
          calibration: { data: 'random', samples: 16 },
          quantization: { mode: 'auto', ...(granularity ? { weights: { granularity } } : {}) },
        };
        const { trials } = await choose(form, model, more, rest);
        steps.push([form, ...stepTimes(trials.find((t) => t.mode === 'dynamic')?.latency)]);
      });
    }
    for (const name of ['price-lstm', 'price-lstm-128'])
      await bench.attempt(name, async () => {
        const from = at('samples/price-lstm');
        for (const file of [`${name}.onnx`, 'calibration.npz', 'evaluation.npz', 'labels.npy'])
          cpSync(join(from, file), join(bench.folder, file));
        const evaluate = { data: 'evaluation.npz', labels: 'labels.npy', metric: 'mse' };
        await choose(name, `${name}.onnx`, {
          calibration: { data: 'calibration.npz' },
          evaluate,
        });
      });
  } finally {
    client.dispose();
  }
  return [
    table(['Model', 'Dynamic', 'Static', 'Chosen', 'Required', ''], rows),
    NOTES,
    table(['One step of one layer', 'FP32', 'Dynamic'], steps),
  ];
}

/** Median time of a step of one of the two layers, all else of a run counted in. */
function stepTimes(latency) {
  return [latency?.fp32Ms, latency?.int8Ms].map((ms) =>
    ms === undefined ? '' : `${fixed((ms * 1000) / (2 * STEPS), 1)} µs`,
  );
}
