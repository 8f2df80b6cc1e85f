/** Inner tensors of two models that stand for the same: what to read of each, and how far apart they are. */
import { ClosenessAccumulator } from '../../numeric';
import type { Feed, Model, NodeProto, TensorValue } from '../../onnx';
import type { DiffTensor } from '../../results';
import { openTapped } from '../../runtime/taps';
import { closenessOf } from '../layer-errors';
import { matchNodes, named } from './match';
import { Wires } from './wires';

/** A tensor of the first model and the one to read in the second. */
export interface TensorPair {
  node: string;
  /** Names in the models, where people would look for them. */
  a: string;
  b: string;
  /** Where their values are floats. */
  readA: string;
  readB: string;
}

/** Tensors that are read in one run: so many are in memory at once. */
const AT_ONCE = 64;

/**
 * Results of nodes of the first model, each with its counterpart in the second: a tensor of the same name, or else the result
 * of the node that was found for its node, unless other nodes went into that. What only quantizers read is read behind
 * them, so that reading changes nothing of what the runtime executes.
 */
export function tensorPairs(first: Model, second: Model): TensorPair[] {
  const [a, b] = [new Wires(named(first)), new Wires(named(second))];
  const { pairs, folded } = matchNodes(a.model, b.model);
  const partner = new Map(pairs.map((pair) => [pair.a, pair.b]));
  const hosts = new Set(folded.values());
  return a.nodes.flatMap((node): TensorPair[] => {
    const tensor = node.output[0] ?? '';
    const other = partner.get(node);
    const own = other && !hosts.has(other) ? (other.output[0] ?? '') : '';
    const same = b.index.producer(tensor) ? tensor : own;
    const [readA, readB] = [readable(tensor, a), readable(same, b)];
    if (!readA || !readB) return [];
    return [{ node: node.name, a: tensor, b: same, readA, readB }];
  });
}

/** Where the values of a tensor are floats and reading them is free; null where they are nowhere. */
function readable(tensor: string, { index, model }: Wires): string | null {
  if (tensor === '' || !index.producer(tensor)) return null;
  if (model.graph.output.some(({ name }) => name === tensor)) return tensor;
  const readers = index.consumers(tensor);
  const through = (nodes: readonly NodeProto[], op: string) =>
    nodes.find(({ opType }) => opType === op)?.output[0];
  const codes = readers.every(({ opType }) => opType === 'QuantizeLinear')
    ? through(readers, 'QuantizeLinear')
    : undefined;
  if (codes !== undefined) return through(index.consumers(codes), 'DequantizeLinear') ?? null;
  return through(readers, 'DequantizeLinear') ?? tensor;
}

/**
 * How far each tensor of the second model is from its counterpart, on the same samples. Pairs that are no floats of one size are
 * left out. Throws what loading and running throws.
 */
export async function tensorErrors(
  first: Model,
  second: Model,
  samples: () => AsyncIterable<Feed>,
): Promise<DiffTensor[]> {
  const pairs = tensorPairs(first, second);
  const found: DiffTensor[] = [];
  for (let at = 0; at < pairs.length; at += AT_ONCE) {
    const some = pairs.slice(at, at + AT_ONCE);
    const one = await openTapped(
      first,
      some.map(({ readA }) => readA),
    );
    try {
      const other = await openTapped(
        second,
        some.map(({ readB }) => readB),
      );
      try {
        found.push(...(await compared(some, one, other, samples())));
      } finally {
        await other.session.release();
      }
    } finally {
      await one.session.release();
    }
  }
  return found;
}

type Tapped = Awaited<ReturnType<typeof openTapped>>;

async function compared(
  pairs: readonly TensorPair[],
  first: Tapped,
  second: Tapped,
  samples: AsyncIterable<Feed>,
): Promise<DiffTensor[]> {
  const sums = new Map<TensorPair, ClosenessAccumulator>();
  for await (const feed of samples) {
    const a = await first.session.run(feed, first.tapped);
    const b = await second.session.run(feed, second.tapped);
    for (const pair of pairs) {
      const [x, y] = [floats(a[pair.readA]), floats(b[pair.readB])];
      if (!x || !y || x.length !== y.length) continue;
      let sum = sums.get(pair);
      if (!sum) sums.set(pair, (sum = new ClosenessAccumulator()));
      sum.add(x, y);
    }
  }
  return [...sums].map(([{ node, a, b }, sum]) => ({ node, a, b, ...closenessOf(sum) }));
}

function floats(value: TensorValue | undefined): Float32Array | null {
  return value?.data instanceof Float32Array ? value.data : null;
}
