import { inlineExternal, serializeModel } from '../onnx';
import { runnable } from '../quantize/runnable';
import type { Subject } from './subject';

/** What FP32 is timed by: the file, or where onnxruntime refuses it, the bytes of a model that computes the same. */
export function referenceModel({ source, file }: Pick<Subject, 'source' | 'file'>) {
  const model = runnable(source);
  return model === source ? file : serializeModel(inlineExternal(model));
}
