import { valueType, type Model } from '../onnx';

/** What a model wants to be given: its inputs that are no constants, with type and shape (`[]` where the file has none). */
export function inputsOf({ graph }: Model) {
  const constants = new Set(graph.initializer.map((t) => t.name));
  return graph.input
    .filter((v) => !constants.has(v.name))
    .map((v) => ({ name: v.name, type: valueType(v).type, shape: valueType(v).shape ?? [] }));
}
