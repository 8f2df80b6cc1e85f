/** Functions of a model, written out: the runtime runs the model with them and without. */
import { create } from '@bufbuild/protobuf';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inlineFunctions } from '../../src/onnx/functions';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType,
  FunctionProtoSchema,
  type FunctionProto,
} from '../../src/onnx/gen/onnx_pb';
import { loadModel } from '../../src/onnx/load';
import type { Model } from '../../src/onnx/model';
import { opsetEntry, type AttributeProto, type NodeProto } from '../../src/onnx/schema';
import { validateModel } from '../../src/onnx/validate';
import { f, floats, graph, model, op } from './build';
import { difference, randomFeeds, runModel } from './runner';
import { noShared, SHARED } from './shared';

/** An attribute of a node in a function's body that is the function's own. */
const ref = (name: string, type: keyof typeof AttributeProto_AttributeType): AttributeProto =>
  create(AttributeProtoSchema, {
    name,
    refAttrName: name,
    type: AttributeProto_AttributeType[type],
  });

interface FunctionInit {
  name: string;
  inputs: string[];
  outputs: string[];
  nodes: NodeProto[];
  attributes?: string[];
  defaults?: AttributeProto[];
  opset?: number;
  overload?: string;
}

function fn(init: FunctionInit): FunctionProto {
  return create(FunctionProtoSchema, {
    domain: 'own',
    name: init.name,
    overload: init.overload ?? '',
    input: init.inputs,
    output: init.outputs,
    node: init.nodes,
    attribute: init.attributes ?? [],
    attributeProto: init.defaults ?? [],
    opsetImport: [opsetEntry('', init.opset ?? 17), opsetEntry('own', 1)],
  });
}

function withFunctions(
  nodes: NodeProto[],
  functions: FunctionProto[],
  init: { opset?: number; ir?: number } = {},
): Model {
  const m = model({
    opset: init.opset ?? 17,
    ir: init.ir ?? 8,
    inputs: { x: [2, 3, 4] },
    outputs: { y: null },
    nodes,
    initializers: [floats('w', [4, 4]), floats('outside', [])],
  });
  m.proto.functions = functions;
  m.proto.opsetImport.push(opsetEntry('own', 1));
  return m;
}

async function expectSame(m: Model): Promise<Model> {
  validateModel(m);
  const feeds = randomFeeds(m, 5, 2);
  const want = await runModel(m, feeds);
  const { model: inlined } = inlineFunctions(m);
  expect(inlined.proto.functions).toEqual([]);
  validateModel(inlined);
  const got = await runModel(inlined, feeds);
  expect(difference(got.y, want.y!, 1e-6, 1e-7)).toBeNull();
  return inlined;
}

const linear = fn({
  name: 'Linear',
  inputs: ['a', 'b'],
  outputs: ['c'],
  nodes: [op('MatMul', ['a', 'b'], ['outside']), op('Relu', ['outside'], ['c'])],
});

describe('functions of a model, written out, compute the same', () => {
  it('twice, with names of their own, although the model has the same', async () => {
    const m = withFunctions(
      [
        op('Linear@own', ['x', 'w'], ['h'], {}, 'first'),
        op('Linear@own', ['h', 'w'], ['k'], {}, 'second'),
        op('Add', ['k', 'outside'], ['y']),
      ],
      [linear],
    );
    const { graph: g } = await expectSame(m);
    expect(g.node.map((n) => `${n.name}: ${n.opType} → ${n.output[0]}`)).toEqual([
      'first/outside: MatMul → first/outside_1',
      'first/c: Relu → h',
      'second/outside: MatMul → second/outside_1',
      'second/c: Relu → k',
      ': Add → y',
    ]);
  });

  it('where one calls another, and in the body of an If', async () => {
    const outer = fn({
      name: 'Twice',
      inputs: ['a', 'b'],
      outputs: ['d'],
      nodes: [op('Linear@own', ['a', 'b'], ['c']), op('Linear@own', ['c', 'b'], ['d'])],
    });
    const branch = (name: string, nodes: NodeProto[]) =>
      graph({ outputs: { [name]: null }, nodes });
    await expectSame(
      withFunctions(
        [
          op('ReduceSum', ['x'], ['sum'], { keepdims: 0 }),
          op('Greater', ['sum', 'outside'], ['cond']),
          op('If', ['cond'], ['y'], {
            then_branch: branch('t', [op('Twice@own', ['x', 'w'], ['t'])]),
            else_branch: branch('e', [op('Linear@own', ['x', 'w'], ['e'])]),
          }),
        ],
        [outer, linear],
      ),
    );
  });

  it('with an If inside that reads what is around it', async () => {
    const inner = fn({
      name: 'Choose',
      inputs: ['a'],
      outputs: ['b'],
      attributes: ['alpha'],
      nodes: [
        op('ReduceSum', ['a'], ['s'], { keepdims: 0 }),
        op('Constant', [], ['zero'], { value_float: f(0) }),
        op('Greater', ['s', 'zero'], ['positive']),
        op('If', ['positive'], ['b'], {
          then_branch: graph({
            outputs: { z: null },
            nodes: [op('LeakyRelu', ['a'], ['z'], { alpha: ref('alpha', 'FLOAT') })],
          }),
          else_branch: graph({ outputs: { z: null }, nodes: [op('Mul', ['a', 's'], ['z'])] }),
        }),
      ],
    });
    await expectSame(
      withFunctions(
        [
          op('Choose@own', ['x'], ['z'], { alpha: f(0.25) }, 'one'),
          op('Neg', ['z'], ['n']),
          op('Choose@own', ['n'], ['y'], { alpha: f(0.5) }, 'two'),
        ],
        [inner],
      ),
    );
  });

  it('with attributes given, by default, and missing', async () => {
    const gate = fn({
      name: 'Gate',
      inputs: ['a'],
      outputs: ['c'],
      attributes: ['alpha'],
      defaults: [Object.assign(f(0.125), { name: 'beta' })],
      nodes: [
        op('HardSigmoid', ['a'], ['c'], {
          alpha: ref('alpha', 'FLOAT'),
          beta: ref('beta', 'FLOAT'),
        }),
      ],
    });
    const inlined = await expectSame(
      withFunctions(
        [
          op('Gate@own', ['x'], ['a'], { alpha: f(0.5) }, 'given'),
          op('Gate@own', ['a'], ['y'], { alpha: f(0.75), beta: f(0.25) }, 'both'),
        ],
        [gate],
      ),
    );
    expect(
      inlined.graph.node.map((n) => n.attribute.map((a) => `${a.name} ${a.f}`).join()),
    ).toEqual(['alpha 0.5,beta 0.125', 'alpha 0.75,beta 0.25']);
    const missing = inlineFunctions(withFunctions([op('Gate@own', ['x'], ['y'])], [gate])).model;
    expect(missing.graph.node[0]!.attribute.map((a) => a.name)).toEqual(['beta']);
  });

  it('with optional inputs and outputs left out', async () => {
    const clip = fn({
      name: 'Clipped',
      inputs: ['a', 'low', 'high'],
      outputs: ['c', 'n'],
      nodes: [op('Clip', ['a', 'low', 'high'], ['c']), op('Neg', ['c'], ['n'])],
    });
    const inlined = await expectSame(
      withFunctions([op('Clipped@own', ['x', '', 'outside'], ['y', ''], {}, 'clip')], [clip]),
    );
    expect(inlined.graph.node[0]!.input).toEqual(['x', '', 'outside']);
    expect(inlined.graph.node[1]!.output).toEqual(['clip/n']);
  });

  it('with overloads told apart', () => {
    const plain = fn({
      name: 'Step',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [op('Neg', ['a'], ['b'])],
    });
    const other = fn({
      name: 'Step',
      overload: 'abs',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [op('Abs', ['a'], ['b'])],
    });
    const call = op('Step@own', ['x'], ['y']);
    call.overload = 'abs';
    const { model: m } = inlineFunctions(withFunctions([call], [plain, other], { ir: 10 }));
    expect(m.graph.node.map((n) => n.opType)).toEqual(['Abs']);
  });

  it('of an older opset, carried to the model’s', async () => {
    const old = fn({
      name: 'Mean',
      opset: 13,
      inputs: ['a'],
      outputs: ['b'],
      nodes: [op('ReduceMean', ['a'], ['b'], { axes: [-1] })],
    });
    const m = withFunctions([op('Mean@own', ['x'], ['y'])], [old], { opset: 18 });
    const { model: inlined } = inlineFunctions(m);
    const feeds = randomFeeds(m, 5, 2);
    const want = await runModel(
      model({
        opset: 13,
        inputs: { x: [2, 3, 4] },
        outputs: { y: null },
        nodes: [op('ReduceMean', ['x'], ['y'], { axes: [-1] })],
      }),
      feeds,
    );
    expect(difference((await runModel(inlined, feeds)).y, want.y!)).toBeNull();
    expect(inlined.opset).toBe(18);
  });

  it('of a newer opset, which the model is carried to', async () => {
    const young = fn({
      name: 'Mean',
      opset: 18,
      inputs: ['a', 'axes'],
      outputs: ['b'],
      nodes: [op('ReduceMean', ['a', 'axes'], ['b'])],
    });
    const m = withFunctions(
      [
        op('Constant', [], ['axes'], { value_ints: [1] }),
        op('ReduceMax', ['x'], ['m'], { axes: [0] }),
        op('Mean@own', ['m', 'axes'], ['y']),
      ],
      [young],
      { opset: 13 },
    );
    const { model: inlined } = inlineFunctions(m);
    expect(inlined.opset).toBe(18);
    const got = await runModel(inlined, randomFeeds(m, 5, 2));
    expect(got.y!.dims).toEqual([1, 1, 4]);
  });

  it('refuses one that calls itself', () => {
    const endless = fn({
      name: 'Endless',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [op('Endless@own', ['a'], ['b'])],
    });
    expect(() =>
      inlineFunctions(withFunctions([op('Endless@own', ['x'], ['y'])], [endless])),
    ).toThrow(expect.objectContaining({ code: 'model.cycle' }) as Error);
  });

  it('refuses a body that reads what nothing writes, and an operator that does not exist', () => {
    const lost = fn({
      name: 'Lost',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [op('Add', ['a', 'gone'], ['b'])],
    });
    expect(() => validateModel(withFunctions([op('Lost@own', ['x'], ['y'])], [lost]))).toThrow(
      expect.objectContaining({ code: 'model.missing-initializer' }) as Error,
    );
    const strange = fn({
      name: 'Strange',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [op('Foo@elsewhere', ['a'], ['b'])],
    });
    expect(() =>
      validateModel(withFunctions([op('Strange@own', ['x'], ['y'])], [strange])),
    ).toThrow(expect.objectContaining({ code: 'model.unsupported-op' }) as Error);
  });
});

describe.skipIf(noShared)('the open models with functions', () => {
  it.each([
    'backend/ort/onnxruntime/test/testdata/function_with_variadics.onnx',
    'backend/ort/onnxruntime/test/testdata/transform/gh_issue_18338.onnx',
  ])('%s computes the same written out', async (file) => {
    const m = await loadModel(path.join(SHARED, file));
    const feeds = randomFeeds(m, 3, 2);
    const want = await runModel(m, feeds);
    const got = await runModel(inlineFunctions(m).model, feeds);
    for (const [name, t] of Object.entries(want))
      expect([name, difference(got[name], t, 1e-3, 1e-4)]).toEqual([name, null]);
  });
});
