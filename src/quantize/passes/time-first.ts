import {
  GraphIndex,
  intAttribute,
  makeInts,
  makeNode,
  removeAttribute,
  type Model,
} from '../../onnx';
import type { PassContext } from '../context';
import { isRecurrent } from '../recurrent';

/**
 * Brings LSTM, GRU and RNN with the batch first (`layout` = 1) into the form with time first, which is the only one that
 * onnxruntime's kernels take.
 * 1. X, initial_h and initial_c are transposed before the node, Y, Y_h and Y_c behind it; the attribute goes.
 * 2. It is noted, since FP32 is then measured in that form, too.
 * 3. Does nothing where `layout` is 0 or absent.
 */
export function timeFirst(model: Model, context?: PassContext): void {
  const index = new GraphIndex(model.graph);
  for (const node of [...model.graph.node]) {
    if (!isRecurrent(node) || intAttribute(node, 'layout', 0) !== 1) continue;
    const transpose = (input: string, output: string, perm: readonly number[]) => {
      const name = index.freshName(`${node.name}/Transpose`);
      const attributes = [makeInts('perm', perm)];
      index.insertNode(
        makeNode({ opType: 'Transpose', name, inputs: [input], outputs: [output], attributes }),
      );
    };
    for (const slot of [0, 5, 6]) {
      const input = node.input[slot] ?? '';
      if (input === '') continue;
      const swapped = index.freshName(`${input}_time_first`);
      transpose(input, swapped, [1, 0, 2]);
      index.setInput(node, slot, swapped);
    }
    for (const slot of [0, 1, 2]) {
      const output = node.output[slot] ?? '';
      if (output === '') continue;
      const own = index.freshName(`${output}_time_first`);
      index.setOutput(node, slot, own);
      transpose(own, output, slot === 0 ? [2, 0, 1, 3] : [1, 0, 2]);
    }
    removeAttribute(node, 'layout');
    context?.note({
      code: 'batch-first',
      severity: 'info',
      message: `'${node.name}' has the batch first (layout = 1), which onnxruntime's ${node.opType} refuses: here it has time first between Transposes, which compute the same. FP32 is measured in that form, too.`,
      layer: node.name,
    });
  }
}
