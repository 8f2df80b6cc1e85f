import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { executedKernels, type Executed } from '../../analyze/executed';
import { floatsOf } from '../../data';
import { VernierError } from '../../errors';
import { ClosenessAccumulator } from '../../numeric';
import {
  heldSource,
  isExternal,
  loadModel,
  removeOldData,
  saveModel,
  weightBytes,
  Model,
  type SaveOptions,
  type TensorProto,
  type TensorValue,
} from '../../onnx';
import { flawsOf } from '../../onnx/check-written';
import { LayerwiseModel } from '../../quantize/layerwise';
import { openOptimized } from '../../runtime/optimized';
import { Session } from '../../runtime/session';
import type { Note, Precision, Target, Verification } from '../../results';
import { findingsOf } from '../check';
import { addNote, type JobContext } from '../context';
import { collectGarbage } from '../garbage';
import { isLarge, trialFile } from '../trial';
import type { Subject } from '../subject';
import { TARGETS } from '../targets';
import type { NoProbe, Probe } from './probe';
import type { Quantized } from './quantize';

/** A written model that loads and runs, and how the runtime executes it. */
export interface Verified {
  executed: Map<string, Executed>;
  /** The graph that the runtime executes. */
  optimized: Model;
  /** The file that ships in a session, opened where it is not yet. */
  open: () => Promise<Session>;
  verification: Verification;
  /** The file beside the model that holds its weights, or null where it stands alone. */
  data: string | null;
  /** Releases the session and what lies on disk for it. */
  release(): Promise<void>;
}

/**
 * After every write (DESIGN §4.11): the graph is checked; the file that ships is written beside its place, loaded, its
 * optimized graph read, run once and compared with FP32 where there is a sample. Only then it takes the place of an
 * earlier one. Weights that do not fit into one file stand in `<output>.<hash>.data` beside it, a name that no earlier model
 * refers to; what an earlier one referred to goes with it.
 * A kept layer that the runtime executes in integers is an error of ours: `job.kept-layer-quantized`.
 */
export async function verifyStage(
  subject: Subject,
  quantized: Quantized,
  output: string,
  probe: Probe | NoProbe,
  notes: Note[],
  context: Pick<JobContext, 'store' | 'temporary'>,
  target: Target,
  save: Pick<SaveOptions, 'weights'> = {},
): Promise<Verified> {
  const folder = path.dirname(output);
  const trial = trialFile(output);
  context.temporary(trial);
  // with its weights it may be as large as the model: not among the system's temporary files, which may be in memory
  const executes = context.store.temporaryFolder('executes');
  context.temporary(executes);
  let session: Session | null = null;
  let file = trial;
  const open = async () => (session ??= await Session.open(file));
  let data: string | null = null;
  const before = new Set(await readdir(folder).catch(() => []));
  const release = async () => {
    await session?.release();
    await rm(executes, { recursive: true, force: true });
  };
  try {
    refuseFlaws(quantized, subject.source, output);
    await refuseForeign(quantized.model, target, output, notes);
    const written = await write(quantized, subject, trial, output, save);
    data = written.data;
    const { large } = written;
    await context.store.makeFolder(executes);
    if (large) await collectGarbage();
    // the graph is the same without prepacking, and weights are not copied
    const loaded = await openOptimized(executes, trial, large ? { prepack: false } : {});
    const optimized = loaded.graph;
    if (large) await loaded.session.release();
    else session = loaded.session;
    const executed = executedKernels(optimized, subject.units, subject.prepared);
    if (large) await collectGarbage();
    const compared =
      'feed' in probe
        ? compareOutputs(await runWritten(probe, optimized, open), probe, output, notes)
        : null;
    checkExecuted(quantized, executed, output, notes, TARGETS[target].executedBy);
    await rename(trial, output);
    file = output;
    await removeOldData(folder, path.basename(output), data);
    const verification: Verification = {
      nodes: quantized.model.graph.node.length,
      ranOn: 'feed' in probe ? probe.on : null,
      notRun: 'feed' in probe ? null : probe.why,
      worstDb: compared,
    };
    return { executed, optimized, open, verification, data, release };
  } catch (error) {
    await release();
    if (data && !before.has(path.basename(data))) await rm(data, { force: true });
    throw namingOutput(error, trial, output);
  } finally {
    await rm(trial, { force: true });
  }
}

/** With more bytes of weights, a session that writes the graph it executes and one that runs it are opened one after the other. */
const LOADED_ONCE_BYTES = 64 << 20;

/**
 * Writes the model. Where its weights went to a file of their own, the model is from then on what was written: what it was
 * made of need not stay in memory.
 * @returns that file, and whether the weights are too many to be in memory with a session besides
 */
async function write(
  quantized: Quantized,
  { source }: Subject,
  trial: string,
  output: string,
  save: Pick<SaveOptions, 'weights'>,
): Promise<{ data: string | null; large: boolean }> {
  const { model } = quantized;
  const large = weightBytes(model) > LOADED_ONCE_BYTES;
  const beside = isLarge(model) && source.graph.initializer.some(liesBeside);
  const weights = beside ? { weights: 'external' as const } : save;
  const { data } = await saveModel(model, trial, { ...weights, dataStem: path.basename(output) });
  if (data) {
    quantized.model = new Model((await loadModel(trial)).proto, output, path.dirname(output));
    quantized.release();
  }
  return { data, large };
}

/** True for a tensor whose values the source has in a file of their own. */
function liesBeside(tensor: TensorProto): boolean {
  return isExternal(tensor) && heldSource(tensor) === null;
}

/** Refuses kept layers that run in integers, and notes integer ones that run in float. */
function checkExecuted(
  quantized: Quantized,
  executed: ReadonlyMap<string, Executed>,
  output: string,
  notes: Note[],
  executedBy: string | null,
): void {
  let [float, all] = [0, 0];
  noteFloat(quantized, executed, notes);
  for (const { unit, integer, precision } of quantized.units) {
    const runs = executed.get(unit.name);
    if (!integer && quantized.wishes.get(unit.name)?.keep) refuseRounded(unit.name, runs, output);
    if (!integer && runs?.roundedWeights)
      addNote(notes, {
        code: 'executed-rounded',
        severity: 'warning',
        message: `'${unit.name}' is written in FP32, but onnxruntime rounds its weights to integers before ${runs.kernel}.`,
        layer: unit.name,
      });
    if (!integer || !unit.weight || (precision && PROMISED_FLOAT.has(precision))) continue;
    all++;
    if (runs?.precision !== 'float32') continue;
    float++;
    if (executedBy === null)
      addNote(notes, {
        code: 'executed-float',
        severity: 'warning',
        message: `'${unit.name}' is written in ${(precision ?? 'int8').toUpperCase()}, but onnxruntime executes it in float (${runs.kernel}).`,
        layer: unit.name,
      });
  }
  if (executedBy !== null && all > 0)
    addNote(notes, {
      code: 'executed-elsewhere',
      severity: 'info',
      message: `The file is for ${executedBy}, which was not run. onnxruntime on this machine executes ${float} of its ${all} integer layers in float and ${all - float} in integers; outputs and errors are those of this run.`,
    });
}

/** Throws `job.kept-layer-quantized` where a layer that is kept in FP32 runs in integers, or in float with weights from codes. */
function refuseRounded(layer: string, runs: Executed | undefined, output: string): void {
  const how = isInteger(runs?.precision)
    ? `execute it as ${runs!.kernel}`
    : runs?.roundedWeights
      ? `round its weights to integers before ${runs.kernel}`
      : null;
  if (how === null) return;
  throw new VernierError(
    'job.kept-layer-quantized',
    `'${layer}' is kept in FP32, but the runtime would ${how}.`,
    {
      node: layer,
      file: output,
      remedy: 'This is an error of Vernier: please report it with the model.',
    },
  );
}

/** A file that its target's rules refuse never takes the place of an earlier one; what they recommend is noted. */
async function refuseForeign(
  written: Model,
  target: Target,
  output: string,
  notes: Note[],
): Promise<void> {
  if (TARGETS[target].family === 'cpu') return; // its rules are what the runtime does with the file
  for (const { severity, code, message, node, tensor, remedy } of (await findingsOf(
    written,
    target,
  )) ?? []) {
    if (severity === 'error')
      throw new VernierError(
        'job.breaks-target-rules',
        `The target ${target} refuses it: ${message}`,
        {
          file: output,
          ...(node === undefined ? {} : { node }),
          ...(tensor === undefined ? {} : { tensor }),
          remedy: 'Keep that layer in FP32, or choose another target.',
        },
      );
    addNote(notes, {
      code,
      severity: severity === 'warning' ? 'warning' : 'info',
      message,
      ...(node === undefined ? {} : { layer: node }),
      remedy,
    });
  }
}

function isInteger(precision: Precision | undefined): boolean {
  return precision !== undefined && !/float/.test(precision);
}

/** Precisions that no CPU kernel computes in: one note tells of all layers. */
const PROMISED_FLOAT = new Set<Precision>(['int16', 'float16', 'bfloat16']);

/** Says once how many layers in float16 or with 16-bit activations are computed in float32 on this machine. */
function noteFloat(
  quantized: Quantized,
  executed: ReadonlyMap<string, Executed>,
  notes: Note[],
): void {
  const count = (wanted: Precision) => {
    const written = quantized.units.filter((u) => u.integer && u.precision === wanted);
    const float = written.filter((u) => executed.get(u.unit.name)?.precision === 'float32');
    return { written: written.length, float: float.length };
  };
  const half = count('float16');
  if (half.float > 0)
    addNote(notes, {
      code: 'float16-size-only',
      severity: 'info',
      message: `On this machine float16 saves size, and no time: onnxruntime's CPU provider computes ${half.float} of ${half.written} float16 layers in float32 behind Casts.`,
    });
  const wide = count('int16');
  if (wide.float > 0)
    addNote(notes, {
      code: 'int16-in-float',
      severity: 'info',
      message: `onnxruntime's CPU provider has no kernels for 16-bit activations: ${wide.float} of ${wide.written} such layers compute in float32, between the roundings that the file says.`,
    });
}

/** The same error about the file that people know; what the file system says gets a code. */
function namingOutput(error: unknown, trial: string, output: string): unknown {
  if ((error as NodeJS.ErrnoException | null)?.syscall !== undefined)
    return new VernierError(
      'job.io',
      `Cannot write '${output}': ${(error as Error).message}`,
      { file: output, remedy: 'Check the folder and its permissions.' },
      { cause: error },
    );
  if (!(error instanceof VernierError)) return error;
  const file = error.place.file === trial ? output : error.place.file;
  const message = error.message.replaceAll(trial, output);
  return new VernierError(
    error.code,
    message,
    { ...error.place, ...(file ? { file } : {}) },
    { cause: error },
  );
}

/** A written graph that is not right is an error of ours, and never takes the place of an earlier one. */
function refuseFlaws({ model, inHalf }: Quantized, source: Model, output: string): void {
  const flaws = flawsOf(model, source, inHalf);
  const [first] = flaws;
  if (!first) return;
  const more = flaws.length > 1 ? ` (and ${flaws.length - 1} more like it)` : '';
  throw new VernierError(
    'job.flawed-graph',
    `The written graph is wrong: ${first.message}${more}.`,
    {
      file: output,
      ...(first.node === undefined ? {} : { node: first.node }),
      ...(first.tensor === undefined ? {} : { tensor: first.tensor }),
      remedy: 'This is an error of Vernier: please report it with the model.',
    },
  );
}

/** A written model with more bytes of weights is not held in memory for a single run. */
const RUN_APART_BYTES = 512 << 20;

/**
 * The outputs for the probe. Where the whole model is not needed in memory afterwards, since there is no data to evaluate on,
 * a large one runs node by node: the nodes are those that the runtime made of the file, with the kernels that it chooses.
 */
async function runWritten(
  { feed, on }: Probe,
  optimized: Model,
  open: () => Promise<Session>,
): Promise<Record<string, TensorValue>> {
  if (on === 'random' && weightBytes(optimized) > RUN_APART_BYTES)
    try {
      return await new LayerwiseModel(optimized, { optimization: 'disabled' }).run(feed);
    } catch (error) {
      // not every node runs alone
      if (!(error instanceof VernierError) || !error.code.startsWith('model.')) throw error;
    }
  return (await open()).run(feed);
}

/**
 * Compares the outputs for the probe with FP32: the lowest SQNR of a float output, null where there is none. NaN everywhere is
 * refused; values that are not finite where FP32's are get a warning.
 */
function compareOutputs(
  results: Record<string, TensorValue>,
  probe: Probe,
  output: string,
  notes: Note[],
): number | null {
  let worst: number | null = null;
  for (const [name, value] of Object.entries(results)) {
    const [data, exact] = [floatsOf(value), floatsOf(probe.exact[name])];
    if (!data || !exact) continue;
    if (data.length > 0 && data.every((x) => Number.isNaN(x)) && !exact.every(Number.isNaN))
      throw new VernierError(
        'model.does-not-run',
        `The quantized model's output '${name}' is NaN everywhere.`,
        {
          file: output,
          tensor: name,
          remedy: 'Check the calibration data, and keep the layers before it in FP32.',
        },
      );
    if (data.length !== exact.length) continue; // its size depends on its values
    const closeness = new ClosenessAccumulator().add(exact, data);
    if (closeness.notFinite > 0)
      addNote(notes, {
        code: 'output-not-finite',
        severity: 'warning',
        message: `${closeness.notFinite} of ${data.length} values of the output '${name}' are not finite where FP32's are.`,
        tensor: name,
        remedy: 'Keep the layers before it in FP32.',
      });
    worst = Math.min(worst ?? Infinity, closeness.sqnrDb);
  }
  return worst;
}
