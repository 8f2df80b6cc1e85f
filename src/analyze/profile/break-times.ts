import type { Model, NodeProto } from '../../onnx';
import type { QuantizationBreak } from '../../results';
import type { NodeTimes } from '../../runtime/profile';
import { named } from '../fusions/settle';
import { addUp, executedNodes, median } from './sides';

/**
 * The same breaks with what they take of one run, in milliseconds: the median, over the profiled runs, of the sum of their
 * conversions, and of the nodes between them that run in float (0 where codes are only written anew). A conversion between two
 * breaks counts in both. An integer kernel that itself writes floats has no conversion to time; where a node is not in the
 * profile, the sum that it belongs to is not known: null.
 * @param times profile of the written model; @param executed the graph that the runtime executes for it, in which the breaks
 * were found
 */
export function timedBreaks(
  breaks: readonly QuantizationBreak[],
  times: NodeTimes,
  executed: Model,
): QuantizationBreak[] {
  const timed = new Map<NodeProto, readonly number[]>();
  for (const [i, node] of executedNodes(times.nodes, executed).entries())
    if (node) timed.set(node, times.nodes[i]!.ms);
  const key = ({ op, name }: { op: string; name: string }) => `${op} ${name}`;
  const byName = new Map(executed.graph.node.map((node) => [key(named(node)), timed.get(node)]));
  const sum = (nodes: readonly { op: string; name: string }[]) => {
    const all = nodes.map((node) => byName.get(key(node)));
    return all.every((ms) => ms !== undefined)
      ? median(
          addUp(
            all.map((ms) => ({ ms })),
            times.runs.length,
          ),
        )
      : null;
  };
  return breaks.map((found) => ({
    ...found,
    conversionMs: sum(found.conversions),
    floatMs: sum(found.nodes),
  }));
}
