/** Recurrent layers of any size with seeded random weights, as an exporter writes them. */
import { serializeModel } from '../src/onnx';
import { GraphBuilder } from '../test/lib/graph';

const GATES = { LSTM: 4, GRU: 3 };

/** Two layers over [steps, 1, inputs]; weights are uniform within ±1/√hidden, as PyTorch begins. */
export function twoLayers(
  op: 'LSTM' | 'GRU',
  inputs: number,
  hidden: number,
  steps: number,
): Uint8Array {
  const g = new GraphBuilder(14);
  const rows = GATES[op] * hidden;
  const scale = 1 / Math.sqrt(hidden);
  let x = g.input('x', [steps, 1, inputs]);
  for (const [i, width] of [inputs, hidden].entries()) {
    const name = `${op.toLowerCase()}${i}`;
    const weights = [
      g.random(`${name}.w`, [1, rows, width], scale),
      g.random(`${name}.r`, [1, rows, hidden], scale),
      g.random(`${name}.b`, [1, 2 * rows], scale),
    ];
    const attributes = { hidden_size: hidden, ...(op === 'GRU' ? { linear_before_reset: 1 } : {}) };
    const y = g.node(name, op, [x, ...weights], attributes);
    x = g.node(`${name}.squeeze`, 'Squeeze', [y, g.ints(`${name}.axis`, [1])]);
  }
  return serializeModel(g.output(x).build());
}
