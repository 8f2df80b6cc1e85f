import { inlineExternal, serializeModel, type Model } from '../onnx';
import { runnable } from '../quantize/runnable';
import { openModel } from '../runtime/open-model';
import { Session, type SessionSettings } from '../runtime/session';
import type { Subject } from './subject';

/** What FP32 is timed by. */
export function referenceModel({ source, file }: Pick<Subject, 'source' | 'file'>) {
  return timedModel(source, file);
}

/** What a model is timed by: its file, or where onnxruntime cannot run that, the bytes of a model that computes the same. */
export function timedModel(source: Model, file: string): string | Uint8Array {
  const model = runnable(source);
  return model === source ? file : serializeModel(inlineExternal(model));
}

/** A session of a model that somebody gave, or where onnxruntime cannot run that, of one that computes the same. */
export function openGiven(source: Model, settings: SessionSettings = {}): Promise<Session> {
  const model = runnable(source);
  const { file } = source;
  return model === source && file ? Session.open(file, settings) : openModel(model, settings);
}
