import { floatData, tensorType, type GraphIndex, type Model, type NodeProto } from '../../onnx';
import { isOp, isView } from './walk';

/** A constant this low is a mask: it stands for −∞ before a Softmax. */
const MASK = -1e3;
/** Larger constants are weights, not masks, and are not looked through. */
const MOST_VALUES = 1 << 24;

/**
 * Tensors that hold a mask, with its value: those into which a Where, an Add or a Mul puts a constant of −1000 or
 * less (−∞, −10000, the lowest float), and what is made of them without a Softmax between. No range of theirs means
 * anything (DESIGN §4.7).
 * 1. Where with such a branch; Add, Sub or Max of such a constant; Mul of one (a mask computed from an input).
 * 2. From there on through nodes that move values, and through Add, Mul, Where, Min and Max.
 */
export function maskedTensors(model: Model, index: GraphIndex): Map<string, number> {
  const masked = new Map<string, number>();
  const lowest = new Map<string, number | null>();
  const low = (tensor: string) => {
    let value = lowest.get(tensor);
    if (value === undefined) lowest.set(tensor, (value = lowestOf(index, model.dir, tensor)));
    return value;
  };
  for (const node of model.graph.node) {
    if (!carries(node)) continue;
    const value = node.input.reduce((least, name) => {
      const own = masked.get(name) ?? (isOp(node, ...ARITHMETIC) ? low(name) : null);
      return own === null ? least : Math.min(least, own);
    }, 0);
    if (value <= MASK) node.output.forEach((name) => masked.set(name, value));
  }
  return masked;
}

const ARITHMETIC = ['Where', 'Add', 'Sub', 'Mul', 'Min', 'Max'];

function carries(node: NodeProto): boolean {
  return isView(node) || isOp(node, ...ARITHMETIC, 'Slice', 'Gather', 'Concat', 'Tile');
}

/** The lowest value of a float constant, or null where it is none or no mask. */
function lowestOf(index: GraphIndex, dir: string | null, tensor: string): number | null {
  const proto = index.initializer(tensor);
  if (!proto || tensorType(proto) !== 'float32') return null;
  const count = proto.dims.reduce((a, b) => a * Number(b), 1);
  if (count > MOST_VALUES) return null;
  let lowest = 0;
  for (const v of floatData(proto, dir)) if (v < lowest) lowest = v;
  return lowest <= MASK ? lowest : null;
}
