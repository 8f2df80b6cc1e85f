import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { FunctionProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { opsetEntry, type NodeProto, type TensorProto } from '../../src/onnx/schema';
import { inferShapes, type Dim } from '../../src/onnx/shapes';
import { floats, fs, graph, ints, model, op, type Value } from './build';

interface Case {
  x?: Value;
  also?: Record<string, Value>;
  nodes: NodeProto[];
  constants?: TensorProto[];
  opset?: number;
  y: Dim[] | null;
}

const one = (c: Omit<Case, 'y'>) =>
  model({
    opset: c.opset ?? 13,
    inputs: { x: c.x ?? null, ...c.also },
    outputs: {},
    nodes: c.nodes,
    initializers: c.constants,
  });

const x = 'x';
const y = 'y';
const n = (type: string, inputs: string[], attributes: Parameters<typeof op>[3] = {}) =>
  op(type, inputs, [y], attributes);

/** What the runtime cannot show: open and symbolic dimensions, chains of small integers, unknowns. */
const CASES: Record<string, Case> = {
  'Conv keeps the batch symbol': {
    x: ['N', 3, 8, 8],
    nodes: [n('Conv', [x, 'w'], { strides: [2, 2], pads: [1, 1, 1, 1] })],
    constants: [floats('w', [4, 3, 3, 3])],
    y: ['N', 4, 4, 4],
  },
  'Conv keeps open sizes where padding makes up for the kernel': {
    x: [1, 3, 'H', 'W'],
    nodes: [n('Conv', [x, 'w'], { pads: [1, 1, 1, 0] })],
    constants: [floats('w', [4, 3, 3, 3])],
    y: [1, 4, 'H', null],
  },
  'Conv with dilations and SAME_UPPER': {
    x: [1, 3, 9, 9],
    nodes: [n('Conv', [x, 'w'], { auto_pad: 'SAME_UPPER', strides: [2, 2] })],
    constants: [floats('w', [4, 3, 3, 3])],
    y: [1, 4, 5, 5],
  },
  'ConvTranspose with groups and output padding': {
    x: [1, 4, 5, 5],
    nodes: [n('ConvTranspose', [x, 'w'], { group: 2, strides: [2, 2], output_padding: [1, 0] })],
    constants: [floats('w', [4, 3, 3, 3])],
    y: [1, 6, 12, 11],
  },
  'MaxPool with ceil_mode': {
    x: [1, 1, 6, 7],
    nodes: [n('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 })],
    y: [1, 1, 3, 3],
  },
  'a window larger than the image is unknown': {
    x: [1, 1, 2, 2],
    nodes: [n('MaxPool', [x], { kernel_shape: [5, 5] })],
    y: [1, 1, null, null],
  },
  'broadcast of symbols': {
    x: ['N', 1, 'T'],
    also: { b: ['N', 5, 'S'] },
    nodes: [n('Add', [x, 'b'])],
    y: ['N', 5, null],
  },
  'broadcast of sizes that do not fit': {
    x: [2, 3],
    also: { b: [2, 4] },
    nodes: [n('Mul', [x, 'b'])],
    y: null,
  },
  'before opset 7 the first operand decides': {
    opset: 6,
    x: [2, 3, 4],
    also: { b: [3] },
    nodes: [n('Add', [x, 'b'], { broadcast: 1, axis: 1 })],
    y: [2, 3, 4],
  },
  'MatMul of vectors and batches': {
    x: ['N', 2, 3],
    also: { b: [3] },
    nodes: [n('MatMul', [x, 'b'])],
    y: ['N', 2],
  },
  'Gemm transposed': {
    x: [3, 'N'],
    also: { b: [5, 3] },
    nodes: [n('Gemm', [x, 'b'], { transA: 1, transB: 1 })],
    y: ['N', 5],
  },
  'Shape → Gather → Concat → Reshape': {
    x: ['N', 4, 3, 3],
    nodes: [
      op('Shape', [x], ['s']),
      op('Gather', ['s', 'zero'], ['n']),
      op('Unsqueeze', ['n', 'axes'], ['n1']),
      op('Concat', ['n1', 'rest'], ['to'], { axis: 0 }),
      n('Reshape', [x, 'to']),
    ],
    constants: [ints('zero', [0], []), ints('axes', [0]), ints('rest', [-1])],
    y: ['N', 36],
  },
  'Shape → Slice → arithmetic → Expand': {
    x: ['N', 4, 6],
    nodes: [
      op('Shape', [x], ['s']),
      op('Slice', ['s', 'one', 'three'], ['hw']),
      op('Mul', ['hw', 'two'], ['double']),
      op('Div', ['double', 'three'], ['third']),
      op('Cast', ['third'], ['whole'], { to: 7 }),
      n('ConstantOfShape', ['whole']),
    ],
    constants: [ints('one', [1]), ints('two', [2], []), ints('three', [3])],
    y: [2, 4],
  },
  'Shape with start and end': {
    opset: 15,
    x: ['N', 4, 6, 2],
    nodes: [
      op('Shape', [x], ['s'], { start: -3, end: -1 }),
      op('ReduceProd', ['s'], ['p'], { keepdims: 1 }),
      n('ConstantOfShape', ['p']),
    ],
    y: [24],
  },
  'Reshape with 0 and −1': {
    x: [2, 'T', 4, 8],
    nodes: [n('Reshape', [x, 'to'])],
    constants: [ints('to', [0, 0, -1])],
    y: [2, 'T', 32],
  },
  'Reshape of an open axis away': {
    x: ['N', 'T', 8],
    nodes: [n('Reshape', [x, 'to'])],
    constants: [ints('to', [-1, 8])],
    y: [null, 8],
  },
  'Reshape of an unknown rank': {
    nodes: [n('Reshape', [x, 'to'])],
    constants: [ints('to', [0, -1])],
    y: [null, null],
  },
  'Flatten with an open batch': {
    x: ['N', 4, 5],
    nodes: [n('Flatten', [x])],
    y: ['N', 20],
  },
  'Squeeze without axes of an open shape is unknown': {
    x: ['N', 1, 5],
    nodes: [n('Squeeze', [x])],
    y: null,
  },
  'Squeeze with negative axes': {
    x: ['N', 1, 5, 1],
    nodes: [n('Squeeze', [x, 'axes'])],
    constants: [ints('axes', [-1, 1])],
    y: ['N', 5],
  },
  'Unsqueeze by attribute': {
    opset: 11,
    x: ['N', 5],
    nodes: [n('Unsqueeze', [x], { axes: [-1, 0] })],
    y: [1, 'N', 5, 1],
  },
  'Slice of everything keeps a symbol': {
    opset: 9,
    x: ['N', 9],
    nodes: [n('Slice', [x], { starts: [0, -4], ends: [2 ** 31 - 1, -1], axes: [0, 1] })],
    y: ['N', 3],
  },
  'Slice backwards': {
    x: [9],
    nodes: [n('Slice', [x, 'from', 'to', 'axes', 'steps'])],
    constants: [ints('from', [-1]), ints('to', [-10]), ints('axes', [0]), ints('steps', [-2])],
    y: [5],
  },
  'Slice at computed places is open there': {
    x: [9, 5],
    also: { at: { type: 'int64', shape: [1] } },
    nodes: [n('Slice', [x, 'at', 'to', 'axes'])],
    constants: [ints('to', [9]), ints('axes', [1])],
    y: [9, null],
  },
  'Concat along an open axis': {
    x: ['N', 5],
    also: { b: [2, null] },
    nodes: [n('Concat', [x, 'b'], { axis: 0 })],
    y: [null, 5],
  },
  'Split in equal parts': {
    x: ['N', 7],
    nodes: [op('Split', [x], [y, 'z'], { axis: 1, num_outputs: 2 })],
    opset: 18,
    y: ['N', 4],
  },
  'ReduceMean without keeping, ReduceSum of all': {
    x: ['N', 4, 5],
    nodes: [n('ReduceMean', [x], { axes: [-1], keepdims: 0 })],
    y: ['N', 4],
  },
  'ReduceSum with nothing to reduce': {
    x: ['N', 4],
    nodes: [n('ReduceSum', [x], { noop_with_empty_axes: 1 })],
    y: ['N', 4],
  },
  'ReduceSum over computed axes keeps the rank': {
    x: ['N', 4],
    also: { axes: { type: 'int64', shape: [1] } },
    nodes: [n('ReduceSum', [x, 'axes'])],
    y: [null, null],
  },
  'LSTM, both directions': {
    x: ['T', 'N', 10],
    nodes: [n('LSTM', [x, 'w', 'r'], { hidden_size: 32, direction: 'bidirectional' })],
    constants: [floats('w', [2, 128, 10]), floats('r', [2, 128, 32])],
    y: ['T', 2, 'N', 32],
  },
  'GRU by batch, hidden size from R': {
    opset: 14,
    x: ['N', 'T', 10],
    nodes: [op('GRU', [x, 'w', 'r'], ['', y], { layout: 1 })],
    constants: [floats('w', [1, 96, 10]), floats('r', [1, 96, 32])],
    y: ['N', 1, 32],
  },
  'Resize by scales keeps symbols of scale 1': {
    x: ['N', 3, 5, 5],
    nodes: [n('Resize', [x, '', 's'])],
    constants: [floats('s', [4], [1, 1, 2, 0.5])],
    y: ['N', 3, 10, 2],
  },
  'Resize by sizes': {
    x: ['N', 3, 5, 5],
    nodes: [n('Resize', [x, '', '', 's'])],
    constants: [ints('s', [1, 3, 7, 9])],
    y: [1, 3, 7, 9],
  },
  'Upsample by attribute': {
    opset: 7,
    x: ['N', 3, 5, 5],
    nodes: [n('Upsample', [x], { scales: fs(1, 1, 2, 2) })],
    y: ['N', 3, 10, 10],
  },
  'Pad leaves unpadded axes alone': {
    x: ['N', 'C', 5],
    nodes: [n('Pad', [x, 'p'])],
    constants: [ints('p', [0, 0, 1, 0, 1, 2])],
    y: ['N', null, 8],
  },
  'Tile and Expand': {
    x: ['N', 1],
    nodes: [op('Tile', [x, 'r'], ['t']), n('Expand', ['t', 'e'])],
    constants: [ints('r', [1, 3]), ints('e', [2, 1, 1])],
    y: [2, 'N', 3],
  },
  'Range of a symbol': {
    x: ['N', 4],
    nodes: [
      op('Shape', [x], ['s']),
      op('Gather', ['s', 'zero'], ['n']),
      n('Range', ['zero', 'n', 'one']),
    ],
    constants: [ints('zero', [0], []), ints('one', [1], [])],
    y: ['N'],
  },
  'Where of small integers': {
    x: ['N', 4],
    nodes: [
      op('Shape', [x], ['s']),
      op('Equal', ['m', 'minus'], ['c']),
      op('Where', ['c', 's', 'm'], ['to']),
      n('Expand', ['one', 'to']),
    ],
    constants: [ints('m', [-1, 4]), ints('minus', [-1], []), floats('one', [1])],
    y: ['N', 4],
  },
  'Gather, GatherND, TopK, OneHot': {
    x: ['N', 7, 5],
    nodes: [
      op('Gather', [x, 'i'], ['g'], { axis: 1 }),
      op('TopK', ['g', 'k'], ['t', 'at'], { axis: -1 }),
      n('OneHot', ['at', 'depth', 'values'], { axis: 0 }),
    ],
    constants: [
      ints('i', [0, 1, 2, 3], [2, 2]),
      ints('k', [3]),
      ints('depth', [9]),
      floats('values', [2]),
    ],
    y: [9, 'N', 2, 2, 3],
  },
  Einsum: {
    x: ['N', 3, 4],
    also: { b: ['N', 4, 5] },
    nodes: [n('Einsum', [x, 'b'], { equation: 'bij,bjk->bik' })],
    y: ['N', 3, 5],
  },
  'QuantizeLinear and back': {
    x: ['N', 4],
    nodes: [op('QuantizeLinear', [x, 's', 'z'], ['q']), n('DequantizeLinear', ['q', 's', 'z'])],
    constants: [floats('s', [], [1])],
    y: ['N', 4],
  },
  'an unknown operator': { x: [1], nodes: [n('Mystery', [x])], y: null },
  'a custom operator': { x: [1], nodes: [n('Add@my.domain', [x, x])], y: null },
  'a malformed node': { x: [1, 2], nodes: [n('Split', ['missing'], { split: [1] })], y: null },
  'If with equal ranks': {
    x: [2, 3],
    also: { c: { type: 'bool', shape: [] } },
    nodes: [
      n('If', ['c'], {
        then_branch: graph({ outputs: { t: null }, nodes: [op('Relu', [x], ['t'])] }),
        else_branch: graph({
          outputs: { e: null },
          nodes: [op('Concat', [x, x], ['e'], { axis: 0 })],
        }),
      }),
    ],
    y: [null, 3],
  },
  'Loop: the state and what it collects': {
    x: [2, 3],
    nodes: [
      op('Loop', ['trips', '', x], ['last', y], {
        body: graph({
          inputs: { i: { type: 'int64', shape: [] }, c: { type: 'bool', shape: [] }, s: [2, 3] },
          outputs: { d: { type: 'bool', shape: [] }, t: null, o: null },
          nodes: [
            op('Identity', ['c'], ['d']),
            op('Relu', ['s'], ['t']),
            op('ReduceSum', ['s'], ['o'], { keepdims: 0 }),
          ],
        }),
      }),
    ],
    constants: [ints('trips', [4], [])],
    y: [null],
  },
  'Scan: what it collects': {
    x: [5, 3],
    also: { s: [3] },
    nodes: [
      op('Scan', ['s', x], ['last', y], {
        num_scan_inputs: 1,
        body: graph({
          inputs: { a: [3], b: [3] },
          outputs: { c: null, d: null },
          nodes: [op('Add', ['a', 'b'], ['c']), op('Relu', ['c'], ['d'])],
        }),
      }),
    ],
    y: [5, 3],
  },
};

describe('inferShapes', () => {
  it.each(Object.entries(CASES))('%s', (_, c) => {
    expect(inferShapes(one(c)).get(y)?.shape ?? null).toEqual(c.y);
  });

  it('gives a symbol the size of the override everywhere', () => {
    const m = model({
      inputs: { a: ['N', 4], b: ['N', 5] },
      outputs: { y: ['N', 9] },
      nodes: [op('Concat', ['a', 'b'], ['y'], { axis: 1 })],
    });
    const shapes = inferShapes(m, { a: [8, 4] });
    expect(shapes.get('b')?.shape).toEqual([8, 5]);
    expect(shapes.get('y')?.shape).toEqual([8, 9]);
  });

  it('uses declarations where rules know nothing', () => {
    const init = {
      inputs: { x: [1, 4] },
      outputs: { y: [1, 4] },
      nodes: [op('Mystery', ['x'], ['m']), op('Relu', ['m'], ['y'])],
      valueInfo: { m: [1, 4] },
    };
    expect(inferShapes(model(init)).get('m')).toEqual({ type: 'float32', shape: [1, 4] });
    // but not where an input has another size than the file says
    expect(inferShapes(model(init), { x: [2, 4] }).get('y')).toEqual({
      type: 'float32',
      shape: null,
    });
  });

  it('prefers what follows from the graph to a declaration that contradicts it', () => {
    const m = model({
      inputs: { x: [2, 3] },
      outputs: { y: [3, 2] },
      nodes: [op('Relu', ['x'], ['y'])],
    });
    expect(inferShapes(m).get('y')?.shape).toEqual([2, 3]);
  });

  it('takes an initializer that is also an input for a constant', () => {
    const m = model({
      inputs: { x: [6], to: { type: 'int64', shape: [2] } },
      outputs: { y: null },
      nodes: [op('Reshape', ['x', 'to'], ['y'])],
      initializers: [ints('to', [2, 3])],
    });
    expect(inferShapes(m).get('y')?.shape).toEqual([2, 3]);
  });

  it('follows calls of functions, with their attributes', () => {
    const m = model({
      inputs: { x: [2, 3] },
      outputs: { y: null },
      nodes: [op('Turn@own', ['x'], ['y'], { by: [1, 0] })],
    });
    const transpose = op('Transpose', ['a'], ['b'], { perm: [0] });
    transpose.attribute[0]!.ints = [];
    transpose.attribute[0]!.refAttrName = 'by';
    m.proto.functions.push(
      create(FunctionProtoSchema, {
        name: 'Turn',
        domain: 'own',
        input: ['a'],
        output: ['b'],
        opsetImport: [opsetEntry('', 13)],
        node: [transpose],
      }),
    );
    expect(inferShapes(m).get('y')?.shape).toEqual([3, 2]);
  });

  it('does not follow a function that calls itself for ever', () => {
    const m = model({
      inputs: { x: [2] },
      outputs: { y: null },
      nodes: [op('F@own', ['x'], ['y'])],
    });
    m.proto.functions.push(
      create(FunctionProtoSchema, {
        name: 'F',
        domain: 'own',
        input: ['a'],
        output: ['b'],
        node: [op('F@own', ['a'], ['b'])],
      }),
    );
    expect(inferShapes(m).get('y')?.shape).toBeNull();
  });

  it('survives a cycle', () => {
    const m = model({
      inputs: { x: [2] },
      outputs: {},
      nodes: [op('Add', ['x', 'b'], ['a']), op('Relu', ['a'], ['b'])],
    });
    expect(inferShapes(m).get('x')?.shape).toEqual([2]);
  });

  it('says element types', () => {
    const m = model({
      inputs: { x: [2], h: { type: 'float16', shape: [2] } },
      outputs: {},
      nodes: [
        op('Cast', ['x'], ['i'], { to: 7 }),
        op('Equal', ['x', 'x'], ['e']),
        op('ArgMax', ['x'], ['a']),
        op('Add', ['h', 'h'], ['s']),
        op('DynamicQuantizeLinear', ['x'], ['q', 'qs', 'qz']),
      ],
      initializers: [floats('scale', [], [1]), { ...floats('zero', [0]) }],
    });
    const shapes = inferShapes(m);
    const types = ['i', 'e', 'a', 's', 'q', 'qs', 'qz'].map((name) => shapes.get(name)?.type);
    expect(types).toEqual(['int64', 'bool', 'int64', 'float16', 'uint8', 'float32', 'uint8']);
  });
});
