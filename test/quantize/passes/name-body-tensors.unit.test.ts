import { describe, expect, it } from 'vitest';
import { bodiesOf } from '../../../src/onnx';
import { nameBodyTensors } from '../../../src/quantize/passes/name-body-tensors';
import { branch } from '../../lib/bodies';
import { model, op } from '../../onnx/build';

/** An operator with two bodies that both write `t`. */
function twins(operator: string) {
  const body = () => branch('t', { nodes: [op('Neg', ['x'], ['t'])] });
  return model({
    inputs: { x: [2, 3], c: { type: 'bool', shape: [] } },
    outputs: { y: [2, 3] },
    nodes: [op(operator, ['c'], ['y'], { then_branch: body(), else_branch: body() }, 'if')],
  });
}

const written = (operator: string) => {
  const source = twins(operator);
  nameBodyTensors(source);
  return bodiesOf(source.graph).map(({ graph }) => [
    graph.node[0]!.output[0],
    graph.output[0]!.name,
  ]);
};

describe('tensors in bodies', () => {
  it('have names that differ, results and all', () => {
    const [first, second] = written('If');
    expect(first).toEqual(['t', 't']);
    expect(second![0]).toMatch(/\/t$/);
    expect(second![1]).toBe(second![0]);
  });

  it('keep them where another operator than If, Loop or Scan may look for them', () => {
    expect(written('BeamSearch@com.microsoft')).toEqual([
      ['t', 't'],
      ['t', 't'],
    ]);
  });
});
