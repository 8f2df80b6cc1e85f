import { evaluate, type Evaluation, type EvaluationState } from '../../analyze/evaluate';
import { modelHash, weightBytes, type Feed, type Model, type TensorValue } from '../../onnx';
import { LayerwiseModel } from '../../quantize/layerwise';
import { VernierError } from '../../errors';
import { runtimeVersion, type Session, type SessionSettings } from '../../runtime/session';
import type { JobContext } from '../context';
import { openMetric } from '../metric';
import { ENGINE_VERSION, fileKey, keyOf, processor } from '../keys';
import type { Plan } from '../plan';
import { openGiven } from '../reference-model';
import type { Samples } from '../samples';
import type { Subject } from '../subject';
import { findOnce } from '../unfinished';

/** FP32 outputs are remembered between runs up to this many bytes; beyond, they are computed again. */
const REMEMBERED_BYTES = 256 << 20;

/** Outputs of the source model, computed once per sample and remembered. */
export class Reference {
  private readonly outputs: Record<string, TensorValue>[] = [];
  private bytes = 0;

  /** @param key of the model, the data and the runtime */
  constructor(
    private readonly model: Runs,
    readonly key: string,
  ) {}

  async of(i: number, feed: Parameters<Session['run']>[0]): Promise<Record<string, TensorValue>> {
    const known = this.outputs[i];
    if (known) return known;
    const fresh = await this.model.run(feed);
    const size = Object.values(fresh).reduce((sum, v) => sum + v.data.byteLength, 0);
    if (this.bytes + size <= REMEMBERED_BYTES) {
      this.bytes += size;
      this.outputs[i] = fresh;
    }
    return fresh;
  }

  /** Gives back what the model holds; the outputs remembered so far stay. */
  release(): Promise<void> {
    return this.model.release();
  }
}

/** The FP32 reference of an evaluation set, from memory if it is there. */
export function openReference(
  subject: Subject,
  evaluation: NonNullable<Samples['evaluation']>,
  context: JobContext,
): Promise<Reference> {
  const key = keyOf('reference', subject.key, evaluation.key, runtimeVersion());
  return context.memory.get(
    'reference',
    key,
    async () => new Reference(await openSource(subject, evaluation.indices.length), key),
    (reference) => reference.release(),
  );
}

/** A model with more bytes of weights runs node by node, */
const LAYERWISE_BYTES = 1 << 30;
/** but for more samples than this whole, with its weights mapped: each time node by node reads all weights again. */
const LAYERWISE_SAMPLES = 2;

/** What gives the outputs of a model. */
export type Runs = Pick<Session, 'run' | 'release'>;

/** The source model, ready to run so many samples. */
export async function openSource(subject: Subject, samples = 1): Promise<Runs> {
  const { source } = subject;
  if (weightBytes(source) <= LAYERWISE_BYTES) return openGiven(source);
  return samples > LAYERWISE_SAMPLES ? openGiven(source, MAPPED) : new LargeSource(subject);
}

/** Weights in data files take no memory of their own. */
const MAPPED: SessionSettings = { prepack: false };

/** A large model node by node, or where one of its nodes does not run alone (it gives a sequence, say), whole. */
class LargeSource implements Runs {
  private whole: Session | null = null;

  constructor(private readonly subject: Subject) {}

  async run(feed: Feed): Promise<Record<string, TensorValue>> {
    if (this.whole) return this.whole.run(feed);
    try {
      return await new LayerwiseModel(this.subject.prepared, MAPPED).run(feed);
    } catch (error) {
      if (!(error instanceof VernierError) || !error.code.startsWith('model.')) throw error;
      this.whole = await openGiven(this.subject.source, MAPPED);
      return this.whole.run(feed);
    }
  }

  async release(): Promise<void> {
    await this.whole?.release();
    this.whole = null;
  }
}

/**
 * A model that is compared with FP32, and what it was opened from: the model itself, or the file that was written of it; where
 * its weights lie in another one, that one's name has their hash.
 */
export type Candidate = { session: Session } & ({ file: string } | { model: Model });

/** What a model is compared with FP32 on. */
export interface EvaluateTask {
  plan: Plan;
  subject: Subject;
  reference: Reference;
  evaluation: NonNullable<Samples['evaluation']>;
  context: JobContext;
}

/**
 * Compares a written model with FP32 over the evaluation set: once for its bytes, going on where an earlier attempt was cut off.
 * @param positions those of its samples to compare on, if not all
 */
export async function evaluateStage(
  { plan, subject, reference, evaluation: set, context }: EvaluateTask,
  candidate: Candidate,
  positions: readonly number[] = [...set.indices.keys()],
): Promise<Evaluation> {
  const { indices, source, labels, key: dataKey } = set;
  const count = positions.length;
  const metric = await openMetric(plan, labels);
  const key = keyOf(
    ...['evaluation with scores', ENGINE_VERSION, runtimeVersion(), subject.key, dataKey],
    ...[positions, metric?.key ?? null],
    'file' in candidate ? await fileKey(candidate.file, context.store) : modelHash(candidate.model),
    labels && positions.map((i) => labels.of(i)).map(({ kind, values }) => [kind, [...values]]),
    // kernels of another processor may clip
    processor(),
  );
  let found = false;
  const evaluation = await findOnce<Evaluation, EvaluationState>(
    context.store,
    'evaluation',
    key,
    async (resume) => {
      found = true;
      await context.meter.begin('evaluate', count, undefined, resume.before?.sampleDb.length);
      return evaluate(
        candidate.session,
        (i, feed) => reference.of(positions[i]!, feed),
        {
          count,
          sample: (i) => source.sample(indices[positions[i]!]!),
          labels: labels && { kind: labels.kind, of: (i: number) => labels.of(positions[i]!) },
          part: count < indices.length,
          origin: (i) => {
            const sample = indices[positions[i]!]!;
            return { index: source.position(sample), file: source.origin(sample).file };
          },
        },
        metric,
        (done) => context.meter.step(done, count),
        resume,
      );
    },
  );
  if (!found) await context.meter.begin('evaluate', count, undefined, count);
  return evaluation;
}
