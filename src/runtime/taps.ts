/** Reading inner tensors: they become graph outputs of a copy of the model. */
import { create } from '@bufbuild/protobuf';
import { GraphIndex, Model, type ValueInfoProto } from '../onnx';
import { ValueInfoProtoSchema } from '../onnx/gen/onnx_pb';
import { openModel } from './open-model';
import type { Session, SessionSettings } from './session';

/** A copy of the model that also returns `tensors`. Names that the graph does not write are left out. */
export function withTaps(
  model: Model,
  tensors: readonly string[],
): { model: Model; tapped: string[] } {
  const graph = model.graph;
  const index = new GraphIndex(graph);
  const have = new Set(graph.output.map((v) => v.name));
  const tapped: string[] = [];
  const added: ValueInfoProto[] = [];
  for (const name of new Set(tensors)) {
    if (!have.has(name) && !index.producer(name)) continue;
    tapped.push(name);
    if (!have.has(name)) added.push(create(ValueInfoProtoSchema, { name }));
  }
  const proto = {
    ...model.proto,
    graph: { ...graph, output: [...graph.output, ...added] },
  } as typeof model.proto;
  return { model: new Model(proto, model.file, model.dir), tapped };
}

/** Opens a session that returns `tensors` besides the model's own outputs. */
export async function openTapped(
  model: Model,
  tensors: readonly string[],
  settings: SessionSettings = {},
): Promise<{ session: Session; tapped: string[] }> {
  const { model: copy, tapped } = withTaps(model, tensors);
  return { session: await openModel(copy, settings), tapped };
}
