import { describe, expect, it } from 'vitest';
import { makeNode, makeTensor, makeValueInfo, type Model } from '../../src/onnx';
import { flawsOf } from '../../src/onnx/check-written';
import { GraphBuilder } from '../lib/graph';

function model(): Model {
  const g = new GraphBuilder();
  const sum = g.node('sum', 'Add', [g.input('x', ['n', 4]), g.random('w', [4])]);
  g.output(g.node('relu', 'Relu', [sum], {}, ['y']));
  const built = g.build();
  built.graph.output = [makeValueInfo('y', 'float32', ['n', 4])];
  return built;
}

const kinds = (written: Model) => flawsOf(written, model()).map((f) => [f.kind, f.node, f.tensor]);

describe('flawsOf', () => {
  it('finds nothing in a copy of the source', () => {
    expect(flawsOf(model().copy(), model())).toEqual([]);
  });

  it('takes open dimensions for any size', () => {
    const written = model();
    written.graph.valueInfo.push(makeValueInfo('sum_out', 'float32', [null, 4]));
    expect(kinds(written)).toEqual([]);
  });

  it('leaves what the source declares wrongly to the source', () => {
    const wrong = model();
    wrong.graph.valueInfo.push(makeValueInfo('sum_out', 'float32', ['n', 5]));
    expect(flawsOf(wrong.copy(), wrong)).toEqual([]);
    expect(kinds(wrong)).toEqual([['shape', undefined, 'sum_out']]);
  });

  it('takes an output that is listed twice, with two shapes, as it is', () => {
    const source = model();
    source.graph.output.push(makeValueInfo('y', 'float32', ['n', 4, 1]));
    expect(flawsOf(source.copy(), source)).toEqual([]);
  });

  it('a constant that was an input may leave the inputs', () => {
    const source = model();
    source.graph.input.push(makeValueInfo('w', 'float32', [4]));
    expect(flawsOf(model(), source)).toEqual([]);
  });

  it.each<[string, (m: Model) => void, unknown[]]>([
    ['order', ({ graph }) => graph.node.reverse(), ['order', 'relu', 'sum_out']],
    [
      'undefined',
      ({ graph }) => {
        graph.initializer = [];
      },
      ['undefined', 'sum', 'w'],
    ],
    [
      'doubled',
      ({ graph }) =>
        graph.node.push(makeNode({ opType: 'Relu', name: 'again', inputs: ['x'], outputs: ['y'] })),
      ['doubled', 'again', 'y'],
    ],
    [
      'unused',
      ({ graph }) =>
        graph.initializer.push(makeTensor('orphan', 'float32', [1], Float32Array.of(1))),
      ['unused', undefined, 'orphan'],
    ],
    [
      'type',
      ({ graph }) => graph.valueInfo.push(makeValueInfo('sum_out', 'float16', ['n', 4])),
      ['type', undefined, 'sum_out'],
    ],
    [
      'shape',
      ({ graph }) => graph.valueInfo.push(makeValueInfo('sum_out', 'float32', ['n', 5])),
      ['shape', undefined, 'sum_out'],
    ],
    [
      'interface',
      ({ graph }) => {
        graph.input = [makeValueInfo('z', 'float32', ['n', 4])];
        graph.node[0]!.input[0] = 'z';
      },
      ['interface', undefined, undefined],
    ],
    [
      'another type of an output',
      ({ graph }) => {
        graph.node[1] = makeNode({
          opType: 'Cast',
          name: 'relu',
          inputs: ['sum_out'],
          outputs: ['y'],
        });
        graph.output = [makeValueInfo('y', 'int8', ['n', 4])];
      },
      ['interface', undefined, 'y'],
    ],
  ])('%s', (_, change, expected) => {
    const written = model();
    change(written);
    expect(kinds(written)).toEqual([expected]);
  });
});
