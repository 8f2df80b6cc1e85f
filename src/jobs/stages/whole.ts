import { OutputSums, type OutputSumsData } from '../../analyze/output-sums';
import { wholeSums, type WholeSumsState } from '../../analyze/sensitivity';
import { modelHash } from '../../onnx';
import { runtimeVersion } from '../../runtime/session';
import { ENGINE_VERSION, keyOf, processor } from '../keys';
import { counted, findOnce } from '../unfinished';
import { layerSamplesKey, type OutputTask } from './layer-samples';

/** All that measuring a quantized model on samples depends on: the model says in its metadata what it was made of. */
export function wholeKey({
  quantized,
  layerSamples,
}: Pick<OutputTask, 'quantized' | 'layerSamples'>) {
  return keyOf(
    ...['whole', ENGINE_VERSION, runtimeVersion(), processor()],
    ...[modelHash(quantized.model), layerSamplesKey(layerSamples)],
  );
}

const DETAIL = 'whole model';

/** How far the outputs of the quantized model are from FP32's, on the samples of the layer analysis. */
export async function wholeStage(task: Omit<OutputTask, 'evaluation'>): Promise<OutputSums> {
  const { quantized, layerSamples, exact, context } = task;
  const find = (key: string) =>
    findOnce<OutputSumsData, WholeSumsState>(context.store, 'whole', key, async (resume) => {
      const { feeds } = layerSamples;
      const known = resume.before?.done ?? 0;
      await context.meter.begin('layer errors', feeds.length, DETAIL, known);
      const going = counted(resume, known, (done) =>
        context.meter.step(done, feeds.length, DETAIL),
      );
      return (await wholeSums(quantized.model, feeds, exact, going)).toData();
    });
  return OutputSums.fromData(await find(wholeKey(task)));
}
