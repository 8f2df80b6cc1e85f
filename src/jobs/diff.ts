import { stat } from 'node:fs/promises';
import path from 'node:path';
import { diffModels, diffSide } from '../analyze/diff';
import { evaluate } from '../analyze/evaluate';
import { openData, spread, type SampleSource } from '../data';
import { VernierError } from '../errors';
import { loadModel, valueType, type Model } from '../onnx';
import { validateModel } from '../onnx/validate';
import type { DiffResult, Note } from '../results';
import { Session } from '../runtime/session';
import { latencyStage } from './stages/latency';

/** Two models, and on what they are compared. */
export interface DiffRequest {
  /** Absolute paths. */
  a: string;
  b: string;
  /** As in a recipe; random samples where it is left out. */
  data?: string[];
  samples?: number;
  /** Time both, too. */
  time?: boolean;
}

const SAMPLES = 8;
const TIMING = { threads: 0, pairs: 120, seconds: 3 };

/**
 * Any two models side by side; writes nothing.
 * @param bundle the worker's own file, for the timing process
 * @throws VernierError `model.*` as loading does; `data.*` where data was given that does not fit
 */
export async function diffFiles(request: DiffRequest, bundle: string): Promise<DiffResult> {
  const [first, second] = [await read(request.a), await read(request.b)];
  const side = async (model: Model, file: string) => diffSide(model, file, (await stat(file)).size);
  const base: DiffResult = {
    a: await side(first, request.a),
    b: await side(second, request.b),
    ...diffModels(first, second),
    outputs: [],
    comparedOn: null,
    latency: null,
    notes: [],
  };
  const [x, y] = [inputsOf(first), inputsOf(second)];
  const names = (inputs: typeof x) => inputs.map(({ name, type }) => `${name}: ${type}`).sort();
  if (names(x).join() !== names(y).join()) {
    const takes = (inputs: typeof x) => names(inputs).join(', ') || 'nothing';
    base.notes.push({
      code: 'other-inputs',
      severity: 'warning',
      message: `They take other inputs (${takes(x)}; ${takes(y)}), so they were not run on the same data.`,
    });
    return base;
  }
  try {
    const data = await openData({
      data: request.data ?? ['random'],
      seed: 0,
      samples: request.samples ?? SAMPLES,
      baseDir: path.dirname(request.a),
      inputs: x,
      inputShapes: {},
    });
    await compare(request, data, base);
    if (request.time)
      base.latency = await latencyStage(bundle, {
        reference: request.a,
        candidate: request.b,
        feed: await data.sample(0),
        settings: TIMING,
      });
  } catch (error) {
    // random samples are our own idea: where they do not suit, the files are compared all the same
    if (request.data || !(error instanceof VernierError)) throw error;
    base.notes.push(notRun(error));
  }
  return base;
}

async function read(file: string): Promise<Model> {
  const model = await loadModel(file);
  validateModel(model);
  return model;
}

/** Fills in the outputs of both on the same samples. */
async function compare(request: DiffRequest, data: SampleSource, into: DiffResult): Promise<void> {
  const reference = await Session.open(request.a);
  try {
    const other = await Session.open(request.b);
    try {
      const indices = spread(data.count, request.samples ?? data.count);
      const { outputs } = await evaluate(
        other,
        (_, feed) => reference.run(feed),
        { count: indices.length, sample: (i) => data.sample(indices[i]!), labels: null },
        null,
      );
      into.outputs = outputs;
      into.comparedOn = { samples: indices.length, source: data.name, random: data.random };
    } finally {
      await other.release();
    }
  } finally {
    await reference.release();
  }
  if (data.random)
    into.notes.push({
      code: 'random-data',
      severity: 'warning',
      message: 'Compared on random data: what it says of real inputs is not known.',
      remedy: 'Give real samples: --data PATH.',
    });
}

function notRun({ message }: VernierError): Note {
  return {
    code: 'not-compared',
    severity: 'warning',
    message: `Their outputs were not compared: ${message}`,
    remedy: 'Give samples: --data PATH.',
  };
}

function inputsOf({ graph }: Model) {
  const constants = new Set(graph.initializer.map((t) => t.name));
  return graph.input
    .filter((v) => !constants.has(v.name))
    .map((v) => ({ name: v.name, type: valueType(v).type, shape: valueType(v).shape ?? [] }));
}
