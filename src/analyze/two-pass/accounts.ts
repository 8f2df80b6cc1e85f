/** Whose the noise is that was measured, tensor by tensor. */
import type { NodeProto } from '../../onnx';
import { partName } from '../../quantize/experiments';
import { even, mean, product, size, type Field } from '../analytic/field';
import { Gains, type Carrying } from '../analytic/gain';
import type { Net } from '../analytic/net';
import { noiseField } from './fresh';
import { nodesSince } from './nodes-since';
import type { LayerPasses, OutputPower } from './passes';

interface Task {
  net: Net;
  carry: Carrying;
  layers: readonly LayerPasses[];
  outputs: ReadonlyMap<string, OutputPower>;
}

/** The noise at a tensor, channel by channel where that is known, and its parts by layer, which make 1. */
interface Account {
  parts: ReadonlyMap<string, number>;
  noise: Field;
}

/**
 * The noise at the outputs, relative to their signal and the mean over them, by the layer that it began in: an account that is kept
 * in graph order. At each layer the second pass measured all of the noise and the first what the layer makes; the rest came in,
 * from the nearest tensors before that were measured, as much from each as its noise is carried further. How far noise is carried
 * is thus only compared between the inputs of one layer, and what was measured bounds all that may have come through it; what it
 * does not know is that noise of different layers is not alike.
 */
export function noiseAccounts({ net, carry, layers, outputs }: Task): Map<string, number> {
  const byOutput = new Map(layers.map((l) => [l.unit.output, l]));
  const accounts = new Map<string, Account[]>();
  const measured = net.nodes
    .flatMap((node) => node.output)
    .filter((tensor) => byOutput.has(tensor) || outputs.has(tensor));
  for (const tensor of measured) {
    const layer = byOutput.get(tensor);
    const power = layer?.arrived ?? outputs.get(tensor)?.noise ?? null;
    if (power === null || power <= 0) continue;
    const came = cameFrom(net, carry, tensor, accounts);
    const made = layer?.integer ? Math.min(power, layer.made?.power ?? 0) : 0;
    if (!layer && came.size === 0) continue;
    const own = came.size === 0 ? 1 : made / power;
    const parts = new Map([...came].map(([name, part]) => [name, part * (1 - own)]));
    if (layer?.integer) parts.set(layer.unit.name, own);
    const noise = noiseField(net, tensor, power, layer?.made?.shares ?? null);
    accounts.set(tensor, [{ parts, noise }, ...ownRounding(layer)]);
  }
  const found = new Map<string, number>();
  for (const [name, { signal, noise }] of outputs)
    if (signal > 0)
      for (const [layer, part] of partsOf(accounts.get(name) ?? [], ({ noise }) => mean(noise)))
        found.set(layer, (found.get(layer) ?? 0) + (part * noise) / signal / outputs.size);
  return found;
}

/** Whose the noise is that comes into what gives a tensor. Empty where none is known of. */
function cameFrom(
  net: Net,
  carry: Carrying,
  tensor: string,
  accounts: ReadonlyMap<string, readonly Account[]>,
): Map<string, number> {
  const since: ReadonlySet<NodeProto> = nodesSince(net.index, tensor, (name) => accounts.has(name));
  const nodes = net.nodes.filter((node) => since.has(node));
  const seeds = new Map([[tensor, 1 / size(net.dims(tensor) ?? [1])]]);
  const gains = new Gains(carry, { seeds, nodes });
  const arrives = new Map(
    [...new Set(nodes.flatMap((node) => node.input))].flatMap((name) =>
      (accounts.get(name) ?? []).map((account) => {
        return [account, gains.total(name, product(account.noise, gains.of(name)))] as const;
      }),
    ),
  );
  return partsOf([...arrives.keys()], (account) => arrives.get(account)!);
}

/** Parts of several accounts together, each as heavy as its noise is. Empty where there is none. */
function partsOf(
  accounts: readonly Account[],
  weightOf: (account: Account) => number,
): Map<string, number> {
  const all = accounts.reduce((sum, account) => sum + weightOf(account), 0);
  const parts = new Map<string, number>();
  if (all === 0) return parts;
  for (const account of accounts)
    for (const [layer, part] of account.parts)
      parts.set(layer, (parts.get(layer) ?? 0) + (part * weightOf(account)) / all);
  return parts;
}

/** The rounding of a result that is its layer's own. */
function ownRounding(layer: LayerPasses | undefined): Account[] {
  if (!layer?.ownResult) return [];
  const parts = new Map([[partName(layer.unit.name, 'result'), 1]]);
  return [{ parts, noise: even(layer.ownResult) }];
}
