import { describe, expect, it } from 'vitest';
import { create } from '@bufbuild/protobuf';
import { FunctionProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { VernierError } from '../../src/errors';
import { opsetEntry, type NodeProto, type TensorProto } from '../../src/onnx/schema';
import { integerValues } from '../../src/onnx/tensor';
import { upgradeOpset } from '../../src/onnx/upgrade';
import { halfBits } from '../../src/onnx/upgrade/context';
import { f, floats, graph, model, op, type Value } from './build';

function refusal(
  opset: number,
  nodes: NodeProto[],
  initializers: TensorProto[] = [],
  x: Value = null,
): unknown {
  try {
    upgradeOpset(model({ opset, inputs: { x }, outputs: { y: null }, nodes, initializers }));
  } catch (error) {
    return error instanceof VernierError ? [error.code, error.place.node] : error;
  }
  return 'upgraded';
}

describe('what cannot be carried is refused with its node', () => {
  const refused = ['model.unsupported-op', 'n'];
  it.each<[string, number, NodeProto, TensorProto[]?, Value?]>([
    ['an ATen operator', 6, op('ATen', ['x'], ['y'], {}, 'n')],
    [
      'training-mode BatchNormalization',
      6,
      op('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['y', 'M'], {}, 'n'),
    ],
    [
      'broadcast along an axis of an unknown rank',
      6,
      op('Add', ['x', 'b'], ['y'], { broadcast: 1, axis: 1 }, 'n'),
    ],
    ['a slope of an unknown rank', 6, op('PRelu', ['x', 'b'], ['y'], {}, 'n')],
    ['Tile with computed counts', 5, op('Tile', ['x', 'x', 'x'], ['y'], {}, 'n')],
    ['Split with computed sizes', 1, op('Split', ['x', 'x'], ['y'], {}, 'n')],
    ['Slice without starts', 9, op('Slice', ['x'], ['y'], {}, 'n')],
    ['Cast to a type that is none', 5, op('Cast', ['x'], ['y'], { to: 'FLOAT999' }, 'n')],
    ['Scan with sequence lengths', 8, op('Scan', ['x', 'x'], ['y'], {}, 'n')],
    [
      'tf_half_pixel_for_nn with ceil',
      11,
      op(
        'Resize',
        ['x', '', 's'],
        ['y'],
        { coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'ceil' },
        'n',
      ),
    ],
    ['Softmax beyond the last axis', 9, op('Softmax', ['x'], ['y'], { axis: 3 }, 'n'), [], [2, 3]],
    [
      'LpPool with a fractional p',
      1,
      op('LpPool', ['x'], ['y'], { p: 1.5, kernel_shape: [1] }, 'n'),
    ],
  ])('%s', (_, opset, node, initializers = [], x = null) => {
    expect(refusal(opset, [node], initializers, x)).toEqual(refused);
  });

  it('an opset that is no target', () => {
    const m = model({ nodes: [op('Relu', ['x'], ['y'])], outputs: { y: null } });
    for (const to of [12, 25, 13.5])
      expect(() => upgradeOpset(m, to)).toThrow(
        expect.objectContaining({ code: 'model.unsupported-opset' }) as Error,
      );
  });
});

describe('upgradeOpset', () => {
  const relu = () => op('Relu', ['x'], ['y']);

  it('leaves newer models as they are, in a copy', () => {
    const m = model({ opset: 15, inputs: { x: [2] }, outputs: { y: [2] }, nodes: [relu()] });
    const { model: same, changed } = upgradeOpset(m, 13);
    expect(same.proto).toEqual(m.proto);
    expect(same.proto).not.toBe(m.proto);
    expect(changed).toEqual([]);
  });

  it('raises the IR version, and takes initializers out of the inputs below IR 4', () => {
    const init = {
      opset: 9,
      inputs: { x: [2], w: [2] },
      outputs: { y: [2] },
      nodes: [op('Add', ['x', 'w'], ['y'])],
      initializers: [floats('w', [2])],
    };
    const old = upgradeOpset(model({ ...init, ir: 3 }));
    expect(old.model.proto.irVersion).toBe(7n);
    expect(old.model.graph.input.map((v) => v.name)).toEqual(['x']);
    expect(old.changed.map((c) => c.what)).toEqual([
      'opset 9 → 13',
      'IR version 3 → 7',
      '1 initializers are no inputs any more',
    ]);
    const newer = upgradeOpset(model({ ...init, ir: 4 }), 17);
    expect(newer.model.proto.irVersion).toBe(8n);
    expect(newer.model.graph.input.map((v) => v.name)).toEqual(['x', 'w']);
  });

  it('shares equal constants and avoids names in use', () => {
    const nodes = ['a', 'b', 'axes'].map((name) => op('Unsqueeze', ['x'], [name], { axes: [0] }));
    const { model: m } = upgradeOpset(
      model({ opset: 11, inputs: { x: [2] }, outputs: { a: null, b: null, axes: null }, nodes }),
    );
    expect(m.graph.initializer.map((t) => t.name)).toEqual(['axes_1']);
    expect(m.graph.node.map((n) => n.input[1])).toEqual(['axes_1', 'axes_1', 'axes_1']);
  });

  it('keeps 2⁶³ − 1 exact', () => {
    const node = op('Slice', ['x'], ['y'], { starts: [1] });
    const end = op('', [], [], { ends: [0] }).attribute[0]!;
    end.ints = [2n ** 63n - 1n];
    node.attribute.push(end);
    const { model: m } = upgradeOpset(
      model({ opset: 9, inputs: { x: [9] }, outputs: { y: null }, nodes: [node] }),
    );
    const ends = m.graph.initializer.find((t) => t.name === 'ends')!;
    expect(new DataView(ends.rawData.buffer, ends.rawData.byteOffset).getBigInt64(0, true)).toBe(
      2n ** 63n - 1n,
    );
  });

  it('gives unnamed nodes that become several the name of their output', () => {
    const { model: m, changed } = upgradeOpset(
      model({
        opset: 9,
        inputs: { x: [2, 3, 4] },
        outputs: { y: null },
        nodes: [op('Softmax', ['x'], ['y'])],
      }),
    );
    expect(m.graph.node.map((n) => n.name)).toEqual(['y_flatten', 'y', 'y_reshape']);
    expect(changed[0]!.node).toBe('y');
    expect(integerValues(m.graph.initializer[0]!)).toEqual([2, 3, 4]);
  });

  it('puts constants of a body into the body', () => {
    const body = graph({
      outputs: { t: null },
      nodes: [op('Squeeze', ['x'], ['t'], { axes: [0] })],
    });
    const { model: m } = upgradeOpset(
      model({
        opset: 11,
        inputs: { x: [1, 2], c: { type: 'bool', shape: [] } },
        outputs: { y: null },
        nodes: [op('If', ['c'], ['y'], { then_branch: body, else_branch: body })],
      }),
    );
    const inner = m.graph.node[0]!.attribute.map((a) => a.g!);
    expect(m.graph.initializer).toEqual([]);
    for (const g of inner) expect(g.node[0]!.input[1]).toBe(g.initializer[0]!.name);
  });

  it('upgrades the bodies of functions, with Constant nodes', () => {
    const m = model({
      opset: 11,
      inputs: { x: [2] },
      outputs: { y: null },
      nodes: [op('Wide@own', ['x'], ['y'])],
    });
    m.proto.functions.push(
      create(FunctionProtoSchema, {
        name: 'Wide',
        domain: 'own',
        input: ['a'],
        output: ['b'],
        opsetImport: [opsetEntry('', 11)],
        node: [op('Unsqueeze', ['a'], ['b'], { axes: [1] })],
      }),
    );
    const own = upgradeOpset(m).model.proto.functions[0]!;
    expect(own.node.map((n) => n.opType)).toEqual(['Constant', 'Unsqueeze']);
    expect(own.node[1]!.input[1]).toBe(own.node[0]!.output[0]);
    expect(own.opsetImport[0]!.version).toBe(13n);
  });

  it('writes limits in the type of the tensor', () => {
    const clip = op('Clip', ['x'], ['y'], { min: f(0), max: f(6) });
    const types = (['float16', 'float64'] as const).map((type) => {
      const { model: m } = upgradeOpset(
        model({
          opset: 10,
          inputs: { x: { type, shape: [2] } },
          outputs: { y: null },
          nodes: [clip],
        }),
      );
      return m.graph.initializer.map((t) => [t.dataType, t.rawData.length]);
    });
    expect(types).toEqual([
      [
        [10, 2],
        [10, 2],
      ],
      [
        [11, 8],
        [11, 8],
      ],
    ]);
  });

  it('leaves other domains alone', () => {
    const m = model({
      opset: 11,
      inputs: { x: [2] },
      outputs: { y: null },
      nodes: [op('Softmax@com.microsoft', ['x'], ['y'], { axis: 0 })],
    });
    expect(upgradeOpset(m).model.graph.node).toEqual(m.graph.node);
  });
});

describe('halfBits', () => {
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65520, 0x7c00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [1 + 2 ** -11, 0x3c00], // ties to even
    [1 + 3 * 2 ** -11, 0x3c02],
    [0.1, 0x2e66],
    [2047.9, 0x6800],
    [NaN, 0x7e00],
    [-Infinity, 0xfc00],
  ])('%d is 0x%x', (value, bits) => {
    expect(halfBits(value)).toBe(bits);
  });
});
