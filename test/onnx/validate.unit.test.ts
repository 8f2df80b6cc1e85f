import { readFileSync } from 'node:fs';
import path from 'node:path';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { VernierError } from '../../src/errors';
import { FunctionProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { parseModel } from '../../src/onnx/load';
import { Model } from '../../src/onnx/model';
import { makeTensor } from '../../src/onnx/tensor';
import { validateModel } from '../../src/onnx/validate';
import { floats, graph, ints, model, op, type GraphInit } from './build';
import { noShared, SHARED, sharedFiles } from './shared';

const build = (init: Partial<GraphInit> & { opset?: number; ir?: number }) =>
  model({ inputs: { x: [2] }, outputs: { y: [2] }, nodes: [op('Relu', ['x'], ['y'])], ...init });

function verdict(m: Model): (string | undefined)[] {
  try {
    validateModel(m);
    return ['fine'];
  } catch (error) {
    if (!(error instanceof VernierError)) throw error;
    expect(error.place.remedy).toBeTruthy();
    return [error.code, error.place.node ?? error.place.tensor];
  }
}

const gemm = (w: ReturnType<typeof floats>) =>
  build({ nodes: [op('Gemm', ['x', w.name], ['y'], {}, 'fc')], initializers: [w] });
const add = (w: ReturnType<typeof floats>) =>
  build({ nodes: [op('Add', ['x', w.name], ['y'], {}, 'add')], initializers: [w] });
const half = (bits: number) => makeTensor('w', 'float16', [2], Uint16Array.of(0x3c00, bits));
const wrongDims = (dims: bigint[]) => {
  const w = floats('w', [2]);
  w.dims = dims;
  return w;
};
const twoIdentities = graph({
  outputs: { t: null },
  nodes: [op('Identity', ['x'], ['t'], {}, 'a'), op('Identity', ['x'], ['t'], {}, 'b')],
});

describe('validateModel', () => {
  it.each<[string, Model, (string | undefined)[]]>([
    ['a good model', build({}), ['fine']],
    ['the newest opset', build({ opset: 26 }), ['fine']],
    ['an opset too new', build({ opset: 27 }), ['model.unsupported-opset', undefined]],
    ['opset 0', build({ opset: 0 }), ['model.unsupported-opset', undefined]],
    ['an IR too new', build({ ir: 14 }), ['model.unsupported-opset', undefined]],
    [
      'an unknown operator',
      build({ nodes: [op('Relux', ['x'], ['y'], {}, 'n')] }),
      ['model.unsupported-op', 'n'],
    ],
    [
      'a custom operator',
      build({ nodes: [op('Relu@my.domain', ['x'], ['y'], {}, 'n')] }),
      ['model.unsupported-op', 'n'],
    ],
    [
      'an operator from a later opset',
      build({ opset: 13, nodes: [op('Gelu', ['x'], ['y'], {}, 'n')] }),
      ['model.unsupported-op', 'n'],
    ],
    [
      'an operator of the runtime',
      build({ nodes: [op('Gelu@com.microsoft', ['x'], ['y'])] }),
      ['fine'],
    ],
    ['an operator on trial', build({ opset: 7, nodes: [op('Affine', ['x'], ['y'])] }), ['fine']],
    ['a cycle', build({ nodes: [op('Add', ['x', 'y'], ['y'], {}, 'n')] }), ['model.cycle', 'n']],
    [
      'two writers',
      build({ nodes: [op('Relu', ['x'], ['y']), op('Abs', ['x'], ['y'], {}, 'n')] }),
      ['model.duplicate-output', 'n'],
    ],
    [
      'a writer of an input',
      build({ nodes: [op('Relu', ['x'], ['x'], {}, 'n')] }),
      ['model.duplicate-output', 'n'],
    ],
    [
      'two writers in a body',
      build({ nodes: [op('If', ['x'], ['y'], { then_branch: twoIdentities })] }),
      ['model.duplicate-output', 'b'],
    ],
    [
      'a missing weight',
      build({ nodes: [op('Gemm', ['x', 'w'], ['y'], {}, 'fc')] }),
      ['model.missing-initializer', 'fc'],
    ],
    [
      'an output that nothing writes',
      build({ outputs: { y: [2], z: [2] } }),
      ['model.missing-initializer', 'z'],
    ],
    [
      'a missing weight in a body',
      build({
        nodes: [
          op('If', ['x'], ['y'], {
            then_branch: graph({
              outputs: { t: null },
              nodes: [op('Add', ['x', 'w'], ['t'], {}, 'n')],
            }),
          }),
        ],
      }),
      ['model.missing-initializer', 'n'],
    ],
    ['optional inputs left out', build({ nodes: [op('Clip', ['x', '', ''], ['y'])] }), ['fine']],
    ['too few bytes', gemm(wrongDims([3n])), ['model.bad-tensor', 'w']],
    ['too many bytes', gemm(wrongDims([1n])), ['model.bad-tensor', 'w']],
    [
      'no bytes',
      gemm(Object.assign(floats('w', [2]), { rawData: new Uint8Array() })),
      ['model.bad-tensor', 'w'],
    ],
    ['negative dims', gemm(wrongDims([-2n])), ['model.bad-dims', 'w']],
    ['dims that overflow', gemm(wrongDims([2n ** 40n, 2n ** 40n])), ['model.bad-dims', 'w']],
    [
      'an unknown type',
      gemm(Object.assign(floats('w', [2]), { dataType: 99 })),
      ['model.bad-tensor', 'w'],
    ],
    ['NaN in a weight', gemm(floats('w', [2], [1, NaN])), ['model.nan-weight', 'w']],
    ['an infinite weight', gemm(floats('w', [2], [1, -Infinity])), ['model.nan-weight', 'w']],
    ['an infinite mask', add(floats('w', [2], [0, -Infinity])), ['fine']],
    ['NaN in a constant', add(floats('w', [2], [0, NaN])), ['model.nan-weight', 'w']],
    ['NaN in float16', add(half(0x7e00)), ['model.nan-weight', 'w']],
    ['an infinite float16 mask', add(half(0xfc00)), ['fine']],
    ['an infinite float16 weight', gemm(half(0x7c00)), ['model.nan-weight', 'w']],
    [
      'NaN in a Constant node',
      build({
        nodes: [
          op('Constant', [], ['c'], { value: floats('', [1], [NaN]) }),
          op('Add', ['x', 'c'], ['y']),
        ],
      }),
      ['model.nan-weight', 'c'],
    ],
    ['integers', add(ints('w', [1, 2])), ['fine']],
  ])('%s', (_, m, want) => {
    expect(verdict(m)).toEqual(want);
  });

  it('knows the operators of the model’s own functions', () => {
    const m = build({ nodes: [op('Twice@own', ['x'], ['y'])] });
    m.proto.functions.push(create(FunctionProtoSchema, { name: 'Twice', domain: 'own' }));
    expect(verdict(m)).toEqual(['fine']);
  });

  it('a file that ends before its opset', () => {
    const m = build({});
    m.proto.opsetImport = [];
    expect(verdict(m)).toEqual(['model.truncated', undefined]);
  });

  it('says the file where the model has one', () => {
    const m = new Model(gemm(floats('w', [2], [NaN, 0])).proto, '/models/m.onnx', '/models');
    expect(() => validateModel(m)).toThrow(
      expect.objectContaining({
        code: 'model.nan-weight',
        place: expect.objectContaining({ file: '/models/m.onnx', tensor: 'w' }) as object,
      }) as Error,
    );
  });

  it('looks through ten thousand layers in time', () => {
    const nodes = Array.from({ length: 10_000 }, (_, i) =>
      op('Relu', [i ? `t${i}` : 'x'], [`t${i + 1}`]),
    );
    const start = performance.now();
    expect(verdict(build({ nodes, outputs: { t10000: [2] } }))).toEqual(['fine']);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it.skipIf(noShared)('finds nothing wrong with the shared models', () => {
    for (const file of [...sharedFiles('models'), ...sharedFiles('selftrained')])
      expect([file, ...verdict(parseModel(readFileSync(path.join(SHARED, file))))]).toEqual([
        file,
        'fine',
      ]);
  });
});
