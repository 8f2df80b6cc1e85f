import type { Placement } from './placement';
import { integerInputs, type UnitPlacement } from './units';

/**
 * Layers whose result becomes codes that no layer reads: float layers follow, or the model ends. Every other quantizer
 * belongs to the layers that read it; this one is there for the layer that writes it, which runs in integers by it.
 * @param units what became of each layer; those with 16-bit activations take no 8-bit codes
 */
export function ownResults(
  { quantized, shipped, reads }: Placement,
  units: readonly UnitPlacement[],
): Set<string> {
  const narrow = units.filter((u) => u.integer && u.precision !== 'int16' && !u.unit.body);
  const read = new Set(
    narrow.flatMap(({ unit }) =>
      integerInputs(unit)
        .filter((tensor) => !reads || reads.get(tensor)?.has(unit.node.name))
        .map((tensor) => quantized.get(tensor)),
    ),
  );
  const alone = narrow.filter(
    ({ unit: { output } }) =>
      shipped.has(output) && quantized.get(output) === output && !read.has(output),
  );
  return new Set(alone.map(({ unit }) => unit.name));
}
