import { clone } from '@bufbuild/protobuf';
import type { QuantParams } from '../numeric';
import {
  makeNode,
  makeTensor,
  makeValueInfo,
  nodeReads,
  tensorDims,
  untyped,
  type ElementType,
  type GraphIndex,
  type Model,
  type NodeProto,
  type TensorProto,
} from '../onnx';
import { NodeProtoSchema } from '../onnx/gen/onnx_pb';
import { openModel } from '../runtime/open-model';
import type { Session, SessionSettings } from '../runtime/session';
import { zeroPointTensor } from './parameters';

/** How a tensor becomes codes. */
export interface Rounding {
  params: QuantParams;
  type: 'uint8' | 'int8';
}

/** Weights of a node that take more bytes are read where they lie. */
const MAPPED_FROM = 1 << 20;

/** What a node of a piece reads. */
interface PieceInput {
  type: ElementType;
  rank: number;
  /** The values come as codes. */
  params: QuantParams | undefined;
  /** What is added first: one value per channel along `axis`. */
  shift: { axis: number; values: Float32Array } | undefined;
}

/** One node as a model of its own, with what happens to the values before and after it. */
export interface PieceSettings {
  inputs: ReadonlyMap<string, PieceInput>;
  weight: { slot: number; values: Float32Array } | undefined;
  /** The mean of every channel (axis 1) of the first output is an output, too. */
  means: boolean;
  /** Outputs that come as codes. */
  round: ReadonlyMap<string, Rounding>;
  session: SessionSettings;
}

export interface Piece {
  session: Session;
  /** What an output of the node is called here. */
  outputs: ReadonlyMap<string, string>;
  means: string | null;
}

/**
 * Opens a model of one node: what it reads as codes is dequantized and shifted before, what it gives is rounded after, all in
 * the runtime. Nothing stands between codes on both sides of a node with weights: the runtime would
 * quantize its weights again (DESIGN §4.9), so `round` is not for these.
 */
export async function openPiece(
  model: Model,
  index: GraphIndex,
  node: NodeProto,
  { inputs, weight, means, round, session }: PieceSettings,
): Promise<Piece> {
  const copy = clone(NodeProtoSchema, node);
  const initializer: TensorProto[] = [...nodeReads(node)].flatMap(
    (name) => index.initializer(name) ?? [],
  );
  const nodes: NodeProto[] = [copy];
  const add = (opType: string, reads: string[], output: string): string => {
    nodes.push(makeNode({ opType, inputs: reads, outputs: [output] }));
    return output;
  };
  const parameters = (
    tensor: string,
    { scale, zeroPoint }: QuantParams,
    type: 'uint8' | 'int8',
  ) => {
    const names = [`${tensor} scale`, `${tensor} zero point`] as const;
    initializer.push(makeTensor(names[0], 'float32', [], Float32Array.of(scale)));
    initializer.push(zeroPointTensor(names[1], [], type, [zeroPoint]));
    return names;
  };
  if (weight) {
    const dims = tensorDims(index.initializer(node.input[weight.slot]!)!);
    copy.input[weight.slot] = 'rounded weight';
    initializer.push(makeTensor('rounded weight', 'float32', dims, weight.values));
  }
  for (const [name, { type, rank, params, shift }] of inputs) {
    let from = name;
    if (params)
      from = add(
        'DequantizeLinear',
        [name, ...parameters(name, params, type as 'uint8' | 'int8')],
        `${name} dequantized`,
      );
    if (shift) {
      const dims = new Array<number>(rank).fill(1);
      dims[shift.axis < 0 ? rank + shift.axis : shift.axis] = shift.values.length;
      initializer.push(makeTensor(`${name} shift`, 'float32', dims, shift.values));
      from = add('Add', [from, `${name} shift`], `${name} shifted`);
    }
    if (from !== name) copy.input = copy.input.map((read) => (read === name ? from : read));
  }
  const outputs = new Map(
    node.output.flatMap((name): [string, string][] => {
      if (name === '') return [];
      const rounding = round.get(name);
      if (!rounding) return [[name, name]];
      const names = parameters(name, rounding.params, rounding.type);
      return [[name, add('QuantizeLinear', [name, ...names], `${name} codes`)]];
    }),
  );
  const mean = means
    ? add('GlobalAveragePool', [node.output[0]!], `${node.output[0]!} mean`)
    : null;
  const alone = model.fragment({
    node: inOrder(nodes, copy),
    initializer,
    input: [...inputs].map(([name, { type, rank }]) =>
      makeValueInfo(name, type, new Array<null>(rank).fill(null)),
    ),
    output: [...outputs.values(), ...(mean === null ? [] : [mean])].map(untyped),
  });
  return {
    session: await openModel(alone, session, MAPPED_FROM),
    outputs,
    means: mean,
  };
}

/** What the node reads before it, what reads the node after it. */
function inOrder(nodes: readonly NodeProto[], node: NodeProto): NodeProto[] {
  const given = new Set(node.output);
  const after = nodes.filter((n) => n !== node && n.input.some((name) => given.has(name)));
  return [...nodes.filter((n) => n !== node && !after.includes(n)), node, ...after];
}
