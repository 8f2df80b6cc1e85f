/** The target `fpga-fixed` after the file is written: simulation beside the runtime, and the export. */
import { createHash } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { spread, type Feed } from '../../data';
import {
  compareFixed,
  runtimeCodes,
  type CompareState,
  type StepAgreement,
} from '../../quantize/fixed/compare';
import { exportFixed, testVector, type TestVector } from '../../quantize/fixed/export';
import { sectionsOf } from '../../quantize/fixed/export/sections';
import { stepSummary } from '../../quantize/fixed/export/summary';
import type { FixedProgram } from '../../quantize/fixed/program';
import { readFixedProgram } from '../../quantize/fixed/read';
import { bitsOf } from '../../quantize/fixed/sums';
import { modelHash } from '../../onnx';
import { runtimeVersion } from '../../runtime/session';
import { withoutClipping } from '../../runtime/pair-probe';
import { openTapped } from '../../runtime/taps';
import type { FixedResult, RunResult } from '../../results';
import type { JobContext } from '../context';
import { fixedNotes } from '../fixed-notes';
import { ENGINE_VERSION, feedsHash, keyOf, processor } from '../keys';
import type { Plan } from '../plan';
import type { Samples } from '../samples';
import { writeResultFile } from '../statistics-file';
import { findOnce } from '../unfinished';
import type { NoProbe, Probe } from './probe';
import type { Quantized } from './quantize';

/** So many samples are simulated at most, and so many multiplications: a second holds about 2·10⁸ of them. */
const MOST_SAMPLES = 16;
const MOST_MACS = 2e9;
/** A model of more multiplications for one sample is exported and not simulated. */
const MOST_MACS_OF_ONE = 2e10;

export interface FixedInput {
  plan: Plan;
  quantized: Quantized;
  samples: Samples;
  probe: Probe | NoProbe;
  result: RunResult;
  context: JobContext;
}

/** Samples that a program is run on. */
interface Trial {
  feeds: Feed[];
  source: string;
  heldBack: boolean;
}

/**
 * Reads the written model as integer steps, runs them on samples beside onnxruntime, code by code, and writes
 * `NAME.fixed.h` and `NAME.fixed.json` beside the model. Does nothing for other targets.
 * Throws `model.not-fixed-point` with the node for what has no fixed-point form where it stands, `job.io`, `job.disk-full`.
 */
export async function fixedStage(input: FixedInput): Promise<void> {
  const { plan, quantized, result, context } = input;
  if (plan.target !== 'fpga-fixed') return;
  const { accumulatorBits, testVectors } = plan.recipe.fixed;
  const trial = await pickTrial(input);
  const shapes = shapesOf(plan, trial);
  const program = await readFixedProgram(quantized.model, shapes);
  const key = keyOf(
    ...['fixed', ENGINE_VERSION, runtimeVersion(), processor(), accumulatorBits],
    ...[modelHash(quantized.model), shapes, feedsHash(trial.feeds)],
  );
  const agreements = await findOnce<StepAgreement[], CompareState>(
    context.store,
    'fixed',
    key,
    async (resume) => {
      const { length } = trial.feeds;
      const { done } = resume.before ?? { done: 0 };
      await context.meter.begin('verify', Math.max(1, length), 'fixed point', done);
      return compareFixed(program, quantized.model, trial.feeds, {
        accumulatorBits,
        resume,
        onSample: (done) => context.meter.step(done, length, 'fixed point'),
      });
    },
  );
  const vectors = await vectorsOf(program, quantized, trial.feeds.slice(0, testVectors));
  const reasons = new Map(result.layers.map((l) => [l.name, l.reason]));
  result.fixed = {
    accumulatorBits,
    samples: trial.feeds.length,
    source: trial.source,
    heldBack: trial.heldBack,
    steps: stepResults(program, agreements),
    host: program.host.map(({ name, op }) => ({
      node: name,
      op,
      reason: reasons.get(name) ?? `there is no fixed-point form of ${op} where it stands`,
    })),
    files: await writeExport(plan, program, vectors),
  };
  const written = new Set(quantized.units.filter((u) => u.integer).map((u) => u.unit.name));
  result.notes.push(...fixedNotes(result.fixed, written, sectionsOf(program).length > 1));
}

/** Samples that were not calibrated on, or where there are none those, or the one that the file was tried on. */
async function pickTrial({ samples, probe, result }: FixedInput): Promise<Trial> {
  const macs = result.layers.reduce((sum, l) => sum + (l.macs ?? 0), 0);
  if (macs > MOST_MACS_OF_ONE) return { feeds: [], source: '', heldBack: false };
  const selection = samples.evaluation ?? samples.calibration;
  if (!selection)
    return 'feed' in probe
      ? { feeds: [probe.feed], source: 'random', heldBack: false }
      : { feeds: [], source: '', heldBack: false };
  const affordable = Math.max(1, Math.floor(MOST_MACS / Math.max(1, macs)));
  const feeds: Feed[] = [];
  for (const i of spread(selection.indices.length, Math.min(MOST_SAMPLES, affordable)))
    feeds.push(await selection.source.sample(selection.indices[i]!));
  const heldBack = selection === samples.evaluation && samples.shared === 0;
  return { feeds, source: selection.source.name, heldBack };
}

/** Shapes of the inputs: those of a sample, else the recipe's. */
function shapesOf({ recipe }: Plan, { feeds: [feed] }: Trial): Record<string, number[]> {
  const named = Object.entries(recipe.inputs).flatMap(([name, { shape }]): [string, number[]][] =>
    shape ? [[name, [...shape]]] : [],
  );
  const seen = Object.entries(feed ?? {}).map(([name, { dims }]): [string, number[]] => [
    name,
    [...dims],
  ]);
  return Object.fromEntries([...named, ...seen]);
}

/** Codes that the runtime reads and gives on samples. */
async function vectorsOf(
  program: FixedProgram,
  { model }: Quantized,
  feeds: readonly Feed[],
): Promise<TestVector[]> {
  if (feeds.length === 0) return [];
  const borders = [...program.inputs, ...program.outputs];
  const { session } = await openTapped(model, borders, await withoutClipping());
  const tensors = new Map(program.tensors.map((t) => [t.name, t]));
  try {
    const vectors: TestVector[] = [];
    for (const feed of feeds)
      vectors.push(testVector(program, await runtimeCodes(session, feed, tensors)));
    return vectors;
  } finally {
    await session.release();
  }
}

function stepResults(
  program: FixedProgram,
  agreements: readonly StepAgreement[],
): FixedResult['steps'] {
  const tensors = new Map(program.tensors.map((t) => [t.name, t]));
  return program.steps.map((step, i) => {
    const { sumBits, shift, ...formats } = stepSummary(step, tensors);
    const { sums, beyond, values, different, largest, exact } = agreements[i]!;
    return {
      layer: step.name,
      op: step.op,
      ...formats,
      shift: shift && { low: shift[0], high: shift[1] },
      worstBits: sumBits,
      measuredBits: sums && bitsOf(sums),
      ...{ beyond, values, different, largest, exact },
    };
  });
}

/** Writes every file, whole or not at all. */
async function writeExport(
  { output, recipe }: Plan,
  program: FixedProgram,
  vectors: readonly TestVector[],
): Promise<FixedResult['files']> {
  const folder = path.dirname(output);
  const name = path.basename(output).replace(/\.onnx$/i, '');
  const sha256 = createHash('sha256')
    .update(await readFile(output))
    .digest('hex');
  const { accumulatorBits } = recipe.fixed;
  const files: FixedResult['files'] = [];
  // an earlier model may have needed one
  await rm(path.join(folder, `${name}.fixed.bin`), { force: true });
  for (const file of exportFixed(program, { name, sha256, accumulatorBits, vectors })) {
    const target = path.join(folder, file.name);
    await writeResultFile(target, file.data);
    files.push({ name: file.name, bytes: (await stat(target)).size });
  }
  return files;
}
