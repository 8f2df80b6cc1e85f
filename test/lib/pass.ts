/** Applying one pass to a copy of a graph. */
import type { Model } from '../../src/onnx';
import { PassContext } from '../../src/quantize/context';
import { printGraph } from './graph';
import { expectSameFunction } from './runtime';

export type Pass = (model: Model, context: PassContext) => void | Promise<void>;

/** The graph after a pass, as a model and as text, and what the pass told. */
export async function applied(pass: Pass, before: Model) {
  const after = before.copy();
  const context = new PassContext();
  await pass(after, context);
  return { after, text: printGraph(after), context };
}

/** The text of the graph after a pass; fails unless both compute the same. */
export async function same(pass: Pass, before: Model, tolerance = 1e-5): Promise<string> {
  const { after, text } = await applied(pass, before);
  await expectSameFunction(after, before, tolerance);
  return text;
}

/** True where a pass leaves the graph as it was, to the last constant. */
export async function untouched(pass: Pass, before: Model): Promise<boolean> {
  const { after, text, context } = await applied(pass, before);
  const names = (model: Model) => model.graph.initializer.map((t) => t.name).join();
  return (
    text === printGraph(before) && names(after) === names(before) && context.notes.length === 0
  );
}
