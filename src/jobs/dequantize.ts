import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { evaluate } from '../analyze/evaluate';
import { VernierError } from '../errors';
import { openData, spread } from '../data';
import { loadModel, removeOldData, saveModel, type Model, type SaveOptions } from '../onnx';
import { validateModel } from '../onnx/validate';
import { dequantizeModel } from '../quantize/dequantize';
import { attentionBias } from '../quantize/passes/attention-bias';
import type { DequantizeResult } from '../results';
import { Session } from '../runtime/session';
import { inputsOf } from './inputs';
import { fileKey, VERSION } from './keys';
import { refuseOverwriting } from './overwrites';
import { openGiven } from './reference-model';
import { trialFile } from './trial';

/** What is to be de-quantized, and on what both models are compared. */
export interface DequantizeRequest {
  /** Absolute paths. */
  model: string;
  output: string;
  /** As in a recipe; random samples where it is left out. */
  data?: string[];
  samples?: number;
  /** Shapes of inputs that the model leaves open. */
  inputs?: Record<string, { shape?: number[]; range?: [number, number] }>;
}

const SAMPLES = 8;

/**
 * Writes a float model of a quantized one, loads and runs it, and compares it with the given one.
 * @throws VernierError `model.*` as loading does; `model.not-quantized` where nothing is quantized, or nothing of it can
 * be undone; `recipe.overwrites-model`, `recipe.overwrites-file`
 */
export async function dequantizeFile(
  request: DequantizeRequest,
  temporary: (file: string) => void,
  save: Pick<SaveOptions, 'weights'> = {},
): Promise<DequantizeResult> {
  const { model: file, output } = request;
  const data = { what: 'data', named: request.data ?? [], baseDir: path.dirname(file) };
  const source = await loadModel(file);
  await refuseOverwriting({ models: [source], data: [data] }, [{ what: 'output', file: output }]);
  validateModel(source);
  const { model, before, after, left } = await dequantizeModel(source);
  if (before === 0 || after === before)
    throw new VernierError(
      'model.not-quantized',
      before === 0
        ? 'The model holds nothing that is quantized.'
        : `Nothing of the ${before} quantizing nodes can be undone: ${left[0]!.reason}.`,
      { file, ...(left[0] ? { node: left[0].node } : {}), remedy: 'Use it as it is.' },
    );
  attentionBias(model); // it is run below, and by whoever wants it
  await describe(model, file);
  const [folder, dataStem] = [path.dirname(output), path.basename(output)];
  const trial = trialFile(output);
  temporary(trial);
  const earlier = new Set(await readdir(folder).catch(() => []));
  let weights: string | null = null;
  try {
    ({ data: weights } = await saveModel(model, trial, { ...save, dataStem }));
    const session = await Session.open(trial);
    try {
      const compared = await compare(request, source, session);
      await rename(trial, output);
      await removeOldData(folder, dataStem, weights);
      return { model: file, output, before, after, left, ...compared };
    } finally {
      await session.release();
    }
  } catch (error) {
    if (weights && !earlier.has(path.basename(weights))) await rm(weights, { force: true });
    throw error;
  } finally {
    await rm(trial, { force: true });
  }
}

/** What the written file says of itself: what an earlier quantization said of it holds no more. */
async function describe(model: Model, file: string): Promise<void> {
  const { proto } = model;
  proto.metadataProps = proto.metadataProps.filter(({ key }) => !key.startsWith('vernier.'));
  proto.producerName = 'vernier';
  proto.producerVersion = VERSION;
  model.setMetadata('vernier.source.sha256', await fileKey(file));
  model.setMetadata('vernier.mode', 'dequantized');
}

type Compared = Pick<DequantizeResult, 'outputs' | 'comparedOn' | 'notes'>;

/** Closeness of every float output; a note where random samples do not suit the given model. */
async function compare(
  request: DequantizeRequest,
  source: Model,
  session: Session,
): Promise<Compared> {
  const given = await openGiven(source);
  try {
    const data = await openData({
      data: request.data ?? ['random'],
      seed: 0,
      samples: request.samples ?? SAMPLES,
      baseDir: path.dirname(request.model),
      inputs: inputsOf(source),
      inputShapes: request.inputs ?? {},
    });
    const indices = spread(data.count, request.samples ?? data.count);
    const { outputs } = await evaluate(
      session,
      (_, feed) => given.run(feed),
      { count: indices.length, sample: (i) => data.sample(indices[i]!), labels: null },
      null,
    );
    const notes: Compared['notes'] = data.random
      ? [
          {
            code: 'random-data',
            severity: 'warning',
            message: 'Compared on random data: what it says of real inputs is not known.',
            remedy: 'Give real samples: --data PATH.',
          },
        ]
      : [];
    return {
      outputs,
      comparedOn: { samples: indices.length, source: data.name },
      notes,
    };
  } catch (error) {
    const tried = ['data.open-shape', 'data.wrong-type', 'model.does-not-run'];
    if (request.data || !(error instanceof VernierError) || !tried.includes(error.code))
      throw error;
    return {
      outputs: [],
      comparedOn: null,
      notes: [
        {
          code: 'not-compared',
          severity: 'warning',
          message: `It loads; it was not run and compared: ${error.message}`,
          remedy: 'Give samples: --data PATH.',
        },
      ],
    };
  } finally {
    await given.release();
  }
}
