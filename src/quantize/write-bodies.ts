import type { Model } from '../onnx';
import { quantizeBodies } from './bodies';
import type { Placement } from './placement';
import type { WrittenQdq } from './qdq';

/**
 * Writes Q/DQ pairs into the bodies of If, Loop and Scan of a model whose main graph has them already. What the main graph
 * ships as codes a body reads as their readers do, and quantizes with the same scale.
 * @param placement of the whole; bodies without an integer layer stay as they are
 * @param write writes one body, a model with its prepared names
 * @returns scales of the weights of integer layers in bodies, by layer
 */
export async function writeBodies(
  { model, codes }: WrittenQdq,
  { bodies }: Placement,
  write: (view: Model, placement: Placement) => WrittenQdq,
): Promise<Map<string, Float32Array>> {
  const integer = [...(bodies?.values() ?? [])].filter(({ units }) => units.some((u) => u.integer));
  if (integer.length === 0) return new Map();
  const renamed = new Map<string, string>();
  for (const [tensor, { dequantized }] of codes)
    if (dequantized !== tensor) renamed.set(dequantized, tensor);
  const units = integer.flatMap((placed) => placed.units.map((u) => u.unit));
  const inner = await quantizeBodies(
    model,
    units,
    (view, own) => {
      const placement = bodies!.get(own[0]!.body!.path)!;
      const written = write(view, placement);
      return { ...written, units: placement.units };
    },
    renamed,
  );
  return inner.weightScales;
}
