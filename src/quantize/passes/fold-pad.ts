import {
  floatData,
  GraphIndex,
  integerValues,
  intsAttribute,
  makeInts,
  removeAttribute,
  setAttribute,
  stringAttribute,
  type Model,
  type NodeProto,
} from '../../onnx';
import type { PassContext } from '../context';

/**
 * A constant-zero Pad of the spatial axes before Conv goes into the convolution's own `pads`. Does nothing for
 * other modes and values, for pads of batch or channel axes, negative pads, `SAME` auto padding, or where the
 * padded tensor has readers of other kinds.
 */
export function foldPad(model: Model, context: PassContext): void {
  const index = new GraphIndex(model.graph);
  index.batch(() => {
    for (const pad of [...model.graph.node]) {
      if (pad.opType !== 'Pad' || pad.domain !== '') continue;
      const output = pad.output[0]!;
      const readers = index.consumers(output);
      const pads = zeroPads(model, index, pad);
      if (!pads || index.isGraphOutput(output)) continue;
      if (readers.length === 0 || !readers.every((conv) => accepts(conv, output, pads))) continue;
      for (const conv of readers) {
        const rank = pads.length / 2 - 2;
        const own = intsAttribute(conv, 'pads') ?? new Array<number>(2 * rank).fill(0);
        const sum = own.map((p, i) => p + (i < rank ? pads[i + 2]! : pads[i + 4]!));
        removeAttribute(conv, 'auto_pad');
        setAttribute(conv, makeInts('pads', sum));
        index.replaceInput(conv, output, pad.input[0]!);
      }
      index.removeNode(pad);
      context.absorb(pad.name, readers[0]!.name);
    }
  });
  index.dropUnusedInitializers();
}

/** Begin and end pads of all axes, or null where the Pad does something else than adding zeros. */
function zeroPads(model: Model, index: GraphIndex, pad: NodeProto): number[] | null {
  if (stringAttribute(pad, 'mode', 'constant') !== 'constant') return null;
  const amounts = index.initializer(pad.input[1] ?? '');
  if (!amounts || (pad.input[3] ?? '') !== '') return null;
  const value = pad.input[2];
  if (value) {
    const tensor = index.initializer(value);
    if (!tensor || floatData(tensor, model.dir)[0] !== 0) return null;
  }
  return integerValues(amounts, model.dir);
}

function accepts(conv: NodeProto, input: string, pads: readonly number[]): boolean {
  const rank = pads.length / 2;
  const outside = [0, 1, rank, rank + 1];
  return (
    conv.opType === 'Conv' &&
    conv.domain === '' &&
    conv.input[0] === input &&
    conv.input.filter((name) => name === input).length === 1 &&
    ['', 'NOTSET', 'VALID'].includes(stringAttribute(conv, 'auto_pad', 'NOTSET')) &&
    rank > 2 &&
    outside.every((i) => pads[i] === 0) &&
    pads.every((p) => p >= 0)
  );
}
