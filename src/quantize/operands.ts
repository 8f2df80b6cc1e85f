import { tensorType, type GraphIndex } from '../onnx';
import { operatorRow } from './operators';
import type { Unit } from './units';

/**
 * Slots of an elementwise layer that hold a float32 constant: the kernel wants codes there too, of the activations' type.
 * None for layers with a weight.
 */
export function constantOperands(index: GraphIndex, unit: Unit): number[] {
  if (unit.weight) return [];
  const slots = operatorRow(unit.op, unit.node.domain)?.activations ?? [];
  return [...unit.node.input.keys()].filter((slot) => {
    const constant = index.initializer(unit.node.input[slot]!);
    const takes = slots === 'all' || slots.includes(slot);
    return takes && constant !== undefined && tensorType(constant) === 'float32';
  });
}
