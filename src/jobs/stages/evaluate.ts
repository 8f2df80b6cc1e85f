import { evaluate, metricFor, type Evaluation } from '../../analyze/evaluate';
import { weightBytes, type TensorValue } from '../../onnx';
import { openModel } from '../../runtime/open-model';
import { runtimeVersion, Session } from '../../runtime/session';
import type { JobContext } from '../context';
import { keyOf } from '../keys';
import type { Plan } from '../plan';
import type { Samples } from '../samples';
import type { Subject } from '../subject';

/** FP32 outputs are remembered between runs up to this many bytes; beyond, they are computed again. */
const REMEMBERED_BYTES = 256 << 20;

/** Outputs of the source model, computed once per sample and remembered. */
export class Reference {
  private readonly outputs: Record<string, TensorValue>[] = [];
  private bytes = 0;

  constructor(readonly session: Session) {}

  async of(i: number, feed: Parameters<Session['run']>[0]): Promise<Record<string, TensorValue>> {
    const known = this.outputs[i];
    if (known) return known;
    const fresh = await this.session.run(feed);
    const size = Object.values(fresh).reduce((sum, v) => sum + v.data.byteLength, 0);
    if (this.bytes + size <= REMEMBERED_BYTES) {
      this.bytes += size;
      this.outputs[i] = fresh;
    }
    return fresh;
  }
}

/** The FP32 reference of an evaluation set, from memory if it is there. */
export function openReference(
  subject: Subject,
  evaluation: NonNullable<Samples['evaluation']>,
  context: JobContext,
): Promise<Reference> {
  const key = keyOf('reference', subject.key, evaluation.key, runtimeVersion());
  return context.memory.get('reference', key, async () => {
    return new Reference(await openSource(subject));
  });
}

/** Weights of more bytes are mapped into memory as the file has them instead of being rearranged for speed. */
const PREPACKED_BYTES = 1 << 30;

/** A session of the source model, as its file has it. */
export function openSource({ source }: Subject): Promise<Session> {
  const settings = { prepack: weightBytes(source) <= PREPACKED_BYTES };
  return source.file ? Session.open(source.file, settings) : openModel(source, settings);
}

/** Compares the written model with FP32 over the evaluation set. */
export async function evaluateStage(
  plan: Plan,
  reference: Reference,
  session: Session,
  evaluation: NonNullable<Samples['evaluation']>,
  context: JobContext,
): Promise<Evaluation> {
  const count = evaluation.indices.length;
  await context.meter.begin('evaluate', count);
  const metric = metricFor(plan.recipe.evaluate?.metric ?? null, evaluation.labels);
  return evaluate(
    session,
    (i, feed) => reference.of(i, feed),
    {
      count,
      sample: (i) => evaluation.source.sample(evaluation.indices[i]!),
      labels: evaluation.labels,
    },
    metric,
    (done) => context.meter.step(done, count),
  );
}
