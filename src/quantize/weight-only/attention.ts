import {
  attribute,
  intAttribute,
  intsAttribute,
  makeInt,
  makeNode,
  type GraphIndex,
  type NodeProto,
} from '../../onnx';
import type { ShapeOf } from './shape-of';

const CONTRIB = 'com.microsoft';

/** Inputs of com.microsoft.Attention. */
const SLOT = { x: 0, bias: 2, mask: 3, past: 4, scoreBias: 5, pastLength: 6 } as const;
/** What com.microsoft.MultiHeadAttention has under the same name. */
const KEPT = ['num_heads', 'unidirectional', 'mask_filter_value', 'scale'];

/**
 * Why com.microsoft.Attention cannot be taken apart into the product with its weights and com.microsoft.MultiHeadAttention, or
 * null. Both run the same code behind the product (onnxruntime 1.30, compared form by form by the tests).
 */
export function whyNotTakenApart(
  index: GraphIndex,
  node: NodeProto,
  shapeOf: ShapeOf,
): string | null {
  if (node.input[SLOT.pastLength]) return 'MultiHeadAttention takes no length of the past';
  if (intAttribute(node, 'do_rotary', 0) !== 0)
    return 'Attention with rotary embedding has no kernel on CPU';
  const mask = node.input[SLOT.mask] ?? '';
  if (mask === '') return null;
  const dims = maskDims(index, node, shapeOf);
  if (!dims) return `the shape of its mask '${mask}' is not known`;
  const batch = shapeOf(node.input[SLOT.x]!)?.[0];
  if (dims.length === 1 && (dims[0] === null || dims[0] !== batch))
    return `its mask '${mask}' may tell begins beside lengths, which MultiHeadAttention does not take`;
  return null;
}

function maskDims(index: GraphIndex, { input }: NodeProto, shapeOf: ShapeOf) {
  const mask = input[SLOT.mask]!;
  return index.initializer(mask)?.dims.map(Number) ?? shapeOf(mask);
}

/** What the parts of an attention read and give. */
export interface AttentionParts {
  /** One that {@link whyNotTakenApart} has nothing against. */
  node: NodeProto;
  shapeOf: ShapeOf;
  /** x · W, without a bias: [batch, rows, Q + K + V]. */
  product: string;
  /** Columns of the weight. */
  columns: number;
  /** Name of the layer, and its results, as many as are wanted. */
  name: string;
  outputs: readonly string[];
}

/** The same for layers with the same mask, rows and keys; null where those are not known. */
function maskKey({ input }: NodeProto, shapeOf: ShapeOf): string | null {
  const [mask = '', past = ''] = [input[SLOT.mask], input[SLOT.past]];
  const rows = shapeOf(input[SLOT.x]!);
  const sizes = [rows?.[0], rows?.[1], past === '' ? 0 : shapeOf(past)?.[3]];
  return sizes.some((size) => size == null) ? null : JSON.stringify([mask, ...sizes]);
}

/** What {@link writeAttention} writes nodes with. */
interface Writing {
  add: (op: string, inputs: string[], results: string[], axis?: number) => void;
  fresh: (what: string) => string;
  ints: (values: readonly number[]) => string;
}

/** Adds nodes that give a mask [batch, 1] or [batch, keys] a column for each key. @returns the wide mask */
function widenMask({ input }: NodeProto, { add, fresh, ints }: Writing): string {
  const size = (tensor: string, axis: number, what: string) => {
    const [shape, found] = [fresh(`${what}_shape`), fresh(what)];
    add('Shape', [tensor], [shape]);
    add('Gather', [shape, ints([axis])], [found]);
    return found;
  };
  const x = input[SLOT.x]!;
  const past = input[SLOT.past] ?? '';
  const rows = size(x, 1, 'rows');
  const keys = past === '' ? rows : fresh('keys');
  if (past !== '') add('Add', [rows, size(past, 3, 'past_rows')], [keys]);
  const [shape, wide] = [fresh('mask_shape'), fresh('mask')];
  add('Concat', [size(x, 0, 'batch'), keys], [shape], 0);
  add('Expand', [input[SLOT.mask]!, shape], [wide]);
  return wide;
}

/**
 * Adds what follows the product: Split into Q, K and V, MultiHeadAttention with the bias, and the past in its own form. A mask of
 * one column, which masks nothing, is left out: Attention takes it, MultiHeadAttention wants one column a key. One whose width is
 * open may have one column, too, and gets as many as there are keys.
 * @param wide masks that were given their columns before: layers of the same rows and keys share them
 */
export function writeAttention(
  index: GraphIndex,
  { node, shapeOf, product, columns, name, outputs }: AttentionParts,
  ints: (values: readonly number[]) => string,
  wide: Map<string, string>,
): void {
  const add = (op: string, inputs: string[], results: string[], axis?: number, domain = '') =>
    index.insertNode(
      makeNode({
        opType: op,
        domain,
        name: index.freshName(`${name}/${op}`),
        inputs,
        outputs: results,
        attributes: axis === undefined ? [] : [makeInt('axis', axis)],
      }),
    );
  const fresh = (what: string) => index.freshName(`${name}/${what}`);
  const sizes = intsAttribute(node, 'qkv_hidden_sizes') ?? Array<number>(3).fill(columns / 3);
  const parts = ['q', 'k', 'v'].map(fresh);
  add('Split', [product, ints(sizes)], parts, 2);
  const own = (slot: number) => node.input[slot] ?? '';
  const mask = () => {
    if (own(SLOT.mask) === '') return '';
    const dims = maskDims(index, node, shapeOf)!;
    if (dims.length !== 2) return own(SLOT.mask);
    if (dims[1] === 1) return '';
    if (typeof dims[1] === 'number') return own(SLOT.mask);
    const key = maskKey(node, shapeOf) ?? name;
    const known = wide.get(key) ?? widenMask(node, { add, fresh, ints });
    wide.set(key, known);
    return known;
  };
  const inputs = [...parts, own(SLOT.bias), mask(), own(SLOT.scoreBias)];
  if (own(SLOT.past)) {
    const stacked = ['past_k', 'past_v'].map((what) => fresh(`${what}_stacked`));
    const past = ['past_k', 'past_v'].map(fresh);
    add('Split', [own(SLOT.past), ints([1, 1])], stacked, 0);
    past.forEach((result, i) => add('Squeeze', [stacked[i]!, ints([0])], [result]));
    inputs.push(...past);
  }
  while (inputs.at(-1) === '') inputs.pop();
  const [output, present = ''] = outputs as [string, string?];
  // it leaves out the past where nobody wants the present
  const whole = present !== '' || own(SLOT.past) !== '';
  const presents = whole ? ['present_k', 'present_v'].map(fresh) : [];
  const kept = KEPT.flatMap((attributeName) => attribute(node, attributeName) ?? []);
  index.insertNode(
    makeNode({
      opType: 'MultiHeadAttention',
      domain: CONTRIB,
      name: fresh('MultiHeadAttention'),
      inputs,
      outputs: [output, ...presents],
      attributes: kept,
    }),
  );
  if (present === '') return;
  const stacked = ['k', 'v'].map((part) => fresh(`present_${part}_stacked`));
  presents.forEach((each, i) => add('Unsqueeze', [each, ints([0])], [stacked[i]!]));
  add('Concat', stacked, [present], 0);
}
