import { GraphIndex, type Model } from '../../onnx';
import { isRecurrent } from '../recurrent';

/**
 * Gives a recurrent layer's sequence of hidden states (Y) a name where only its last one is used.
 * 1. Calibration reads the range of the state there, and the layer is one whatever of it is used.
 * 2. Does nothing where Y has a name.
 */
export function nameStates(model: Model): void {
  const index = new GraphIndex(model.graph);
  for (const node of model.graph.node)
    if (isRecurrent(node) && (node.output[0] ?? '') === '')
      index.setOutput(node, 0, index.freshName(`${node.name}/Y`));
}
