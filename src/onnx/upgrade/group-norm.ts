/** GroupNormalization had one scale and bias a group before 21, and has one a channel since. */
import { intAttribute } from '../attributes';
import { label } from '../order';
import type { NodeProto } from '../schema';
import { setInput } from './inputs';
import type { Adapter, AdapterTable, UpgradeContext } from './context';

/**
 * https://onnx.ai/onnx/operators/onnx__GroupNormalization.html
 *
 * 1. [groups] becomes [groups, 1], spreads to [groups, channels / groups] and is flattened to [channels].
 * 2. Where the number of channels is not known before the model runs, it is refused.
 */
const onePerChannel: Adapter = (node, c) => {
  const groups = intAttribute(node, 'num_groups', 0);
  const channels = c.info(node.input[0]).shape?.[1] ?? c.info(node.output[0]).shape?.[1];
  if (typeof channels !== 'number' || groups < 1 || channels % groups !== 0)
    throw c.refuse(node, 'the number of its channels is not known');
  if (channels === groups) return;
  c.did(node, 'its scale and bias per group became one per channel');
  const before = [1, 2].flatMap((slot) => spread(node, slot, groups, channels, c));
  return [...before, node];
};

function spread(
  node: NodeProto,
  slot: number,
  groups: number,
  channels: number,
  c: UpgradeContext,
): NodeProto[] {
  const given = node.input[slot]!;
  const base = `${label(node)}_${slot === 1 ? 'scale' : 'bias'}`;
  const [column, wide, flat] = ['column', 'wide', 'per_channel'].map((w) =>
    c.fresh(`${base}_${w}`),
  );
  setInput(node, slot, flat!);
  return [
    c.node('Reshape', [given, c.ints('column', [groups, 1])], [column!], [], column),
    c.node('Expand', [column!, c.ints('wide', [groups, channels / groups])], [wide!], [], wide),
    c.node('Reshape', [wide!, c.ints('channels', [channels])], [flat!], [], flat),
  ];
}

export const groupNormAdapters: AdapterTable = { GroupNormalization: [[21, onePerChannel]] };
