/** Models with layers inside If, Loop and Scan. */
import type { Model } from '../../src/onnx';
import { floats, graph, ints, model, op, type GraphInit } from '../onnx/build';

export const branch = (name: string, init: Omit<GraphInit, 'outputs'>) =>
  graph({ ...init, outputs: { [name]: null } });

/** Both branches and the main graph read the same weight. */
export function choice(): Model {
  return model({
    inputs: { x: [2, 32], c: { type: 'bool', shape: [] } },
    outputs: { y: [2, 32], z: [2, 32] },
    nodes: [
      op('MatMul', ['x', 'w'], ['z'], {}, 'outer'),
      op(
        'If',
        ['c'],
        ['y'],
        {
          then_branch: branch('t', {
            nodes: [op('MatMul', ['x', 'w'], ['h'], {}, 'mm'), op('Relu', ['h'], ['t'])],
          }),
          else_branch: branch('t', {
            nodes: [op('Neg', ['x'], ['n']), op('MatMul', ['n', 'w'], ['t'], {}, 'mm')],
          }),
        },
        'if',
      ),
    ],
    initializers: [floats('w', [32, 32])],
  });
}

/** h ← tanh(x·w + h·r), five times; w inside the body, r outside. */
export function loop(): Model {
  const body = graph({
    inputs: { i: { type: 'int64', shape: [] }, go: { type: 'bool', shape: [] }, h: [2, 16] },
    outputs: { still: { type: 'bool', shape: [] }, h2: [2, 16], all: [2, 16] },
    nodes: [
      op('Constant', [], ['w'], { value: floats('', [16, 16]) }),
      op('MatMul', ['x', 'w'], ['a']),
      op('MatMul', ['h', 'r'], ['b']),
      op('Add', ['a', 'b'], ['s']),
      op('Tanh', ['s'], ['h2']),
      op('Identity', ['h2'], ['all']),
      op('Identity', ['go'], ['still']),
    ],
  });
  return model({
    inputs: { x: [2, 16], h0: [2, 16] },
    outputs: { y: [2, 16], ys: [5, 2, 16] },
    nodes: [op('Loop', ['n', '', 'h0'], ['y', 'ys'], { body }, 'steps')],
    initializers: [ints('n', [5], []), floats('r', [16, 16])],
  });
}

/** A Scan over seven rows, with an If inside. */
export function scan(): Model {
  const body = graph({
    inputs: { h: [16], row: [16] },
    outputs: { h2: [16], out: [16] },
    nodes: [
      op('Unsqueeze', ['row', 'axis'], ['r1']),
      op('ReduceSum', ['row'], ['sum'], { keepdims: 0 }),
      op('Greater', ['sum', 'zero'], ['positive']),
      op(
        'If',
        ['positive'],
        ['m'],
        {
          then_branch: branch('t', { nodes: [op('MatMul', ['r1', 'w'], ['t'])] }),
          else_branch: branch('e', {
            nodes: [op('Gemm', ['r1', 'v', 'bias'], ['e'], { transB: 1, alpha: 0.5 })],
            initializers: [floats('v', [16, 16])],
          }),
        },
        'either',
      ),
      op('Squeeze', ['m', 'axis'], ['out']),
      op('Add', ['h', 'out'], ['h2']),
    ],
    initializers: [ints('axis', [0])],
  });
  return model({
    inputs: { x: [7, 16], h0: [16] },
    outputs: { y: [16], ys: [7, 16] },
    nodes: [op('Scan', ['h0', 'x'], ['y', 'ys'], { body, num_scan_inputs: 1 }, 'rows')],
    initializers: [floats('w', [16, 16]), floats('bias', [16]), floats('zero', [], [0])],
  });
}
