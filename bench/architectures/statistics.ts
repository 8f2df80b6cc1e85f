import { create } from '@bufbuild/protobuf';
import { Random } from '../../src/numeric';
import {
  floatAttribute,
  makeInt,
  makeInts,
  makeNode,
  makeTensor,
  makeValueInfo,
  Model,
  opsetEntry,
  serializeModel,
  type Feed,
  type NodeProto,
  type TensorProto,
} from '../../src/onnx';
import { GraphProtoSchema, ModelProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { Session } from '../../src/runtime/session';
import { fill } from './fill';
import { sizeOf, type Net } from './net';

/** Pictures per measurement. */
const BATCH = 4;

/**
 * Mean and variance of what enters each BatchNormalization, by the names of its running statistics: one pass over random
 * pictures in which every BatchNormalization normalises by the batch's own statistics, as it does in training.
 */
export async function measureStatistics(
  net: Net,
  seed: number,
): Promise<Map<string, Float32Array>> {
  const measured = new Map<string, Float32Array>();
  const norms = net.nodes.filter((n) => n.opType === 'BatchNormalization');
  if (norms.length === 0) return measured;
  const session = await Session.open(serializeModel(trainingModel(net, seed)));
  try {
    const results = await session.run(
      randomFeed(net, seed),
      norms.flatMap((n) => n.input.slice(3)),
    );
    for (const [name, { data }] of Object.entries(results))
      measured.set(name, data as Float32Array);
  } finally {
    await session.release();
  }
  return measured;
}

function trainingModel(net: Net, seed: number): Model {
  const initializer: TensorProto[] = [
    ...net.constants,
    makeTensor('axes', 'int64', [3], BigInt64Array.of(0n, 2n, 3n)),
  ];
  const channels = new Set<string>();
  const node = net.nodes.flatMap((n) => {
    if (n.opType !== 'BatchNormalization') return [n];
    n.input.slice(1, 3).forEach((name) => channels.add(name));
    return trainingNorm(n, initializer);
  });
  for (const p of net.parameters) {
    if (p.fill.kind === 'measured') continue;
    // gain and shift of a BatchNormalization are multiplied and added by hand here
    const dims = channels.has(p.name) ? [1, ...p.dims, 1, 1] : p.dims;
    initializer.push(makeTensor(p.name, 'float32', dims, fill(p, seed, undefined, net.parameters)));
  }
  const output = net.nodes
    .filter((n) => n.opType === 'BatchNormalization')
    .flatMap((n) => n.input.slice(3))
    .map((name) => makeValueInfo(name, 'float32', null));
  const input = net.inputs.map((i) => makeValueInfo(i.name, i.type, [BATCH, ...i.shape.slice(1)]));
  const graph = create(GraphProtoSchema, { name: 'statistics', node, initializer, input, output });
  const opsetImport = [opsetEntry('', 17)];
  return new Model(create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph }), null, null);
}

/** A BatchNormalization in training mode, in small pieces; the names of the running statistics are its results. */
function trainingNorm(n: NodeProto, initializer: TensorProto[]): NodeProto[] {
  const [x, gain, shift, mean, variance] = n.input as [string, string, string, string, string];
  const made: NodeProto[] = [];
  const put = (opType: string, inputs: string[], end: string, output = `${n.name}.${end}`) => {
    const reduces = opType === 'ReduceMean';
    const attributes = reduces ? [makeInts('axes', [0, 2, 3]), makeInt('keepdims', 1)] : [];
    const squeezes = opType === 'Squeeze' ? [...inputs, 'axes'] : inputs;
    made.push(makeNode({ opType, inputs: squeezes, outputs: [output], attributes }));
    return output;
  };
  const epsilon = `${n.name}.epsilon`;
  const value = floatAttribute(n, 'epsilon', 1e-5);
  initializer.push(makeTensor(epsilon, 'float32', [], Float32Array.of(value)));
  const average = put('ReduceMean', [x], 'mean');
  const centred = put('Sub', [x, average], 'centred');
  const spread = put('ReduceMean', [put('Mul', [centred, centred], 'square')], 'variance');
  put('Squeeze', [average], '', mean);
  put('Squeeze', [spread], '', variance);
  const deviation = put('Sqrt', [put('Add', [spread, epsilon], 'sum')], 'deviation');
  const normal = put('Div', [centred, deviation], 'normal');
  put('Add', [put('Mul', [normal, gain], 'gained'), shift], '', n.output[0]);
  return made;
}

/** Random pictures for every input, as {@link picture} makes them. */
function randomFeed(net: Net, seed: number): Feed {
  return Object.fromEntries(
    net.inputs.map(({ name, shape }, i) => {
      const dims = [BATCH, ...shape.slice(1).map(Number)];
      const data = new Float32Array(sizeOf(dims));
      const [, channels, height, width] = dims as [number, number, number, number];
      for (let plane = 0; plane < dims[0]! * channels; plane++) {
        const random = new Random(seed + 1000, i * 1000 + plane);
        data.set(picture(random, height, width), plane * height * width);
      }
      return [name, { type: 'float32', dims, data } as const];
    }),
  );
}

/** Noise at every scale, as photographs have it, normalised to about mean 0 and deviation 1. */
function picture(random: Random, height: number, width: number): Float32Array {
  const plane = new Float32Array(height * width);
  for (let cell = 1; cell <= Math.max(height, width); cell *= 2) {
    const columns = Math.ceil(width / cell);
    const rows = Math.ceil(height / cell);
    const noise = Float32Array.from({ length: rows * columns }, () => random.normal() * 0.45);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        plane[y * width + x]! += noise[Math.floor(y / cell) * columns + Math.floor(x / cell)]!;
  }
  return plane;
}
