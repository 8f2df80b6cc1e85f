import type { QuantParams } from '../../numeric';
import type { Balances } from '../../quantize/balance';
import type { Statistics } from '../../quantize/calibrate';
import type { Placement } from '../../quantize/placement';
import { isPackedAttention } from '../../quantize/packed-attention';
import { everyRoot } from '../../quantize/place-bodies';
import { channelAxisOf } from '../../quantize/statistics';
import { isTable } from '../../quantize/tables';
import type { Headroom } from '../../quantize/weights';

/** How far beyond what calibration saw of a channel its values may go before a pair of products can clip. */
const MARGIN = 1.5;
/** Extremes of fewer samples say too little of what will come. */
const FEWEST_SAMPLES = 16;

/**
 * Largest codes of the input of every integer layer whose kernel reads unsigned ones, channel by channel, from calibration:
 * where a channel stays far below its tensor's range, full 8-bit weights are safe on processors without VNNI. Null where that
 * is not known. Kernels multiply signed codes in more bits; QAttention has none for them, and reads them 128 higher.
 */
export function headrooms(
  placement: Placement,
  statistics: Statistics,
  paramsOf: (tensor: string) => QuantParams | undefined,
  type: 'uint8' | 'int8',
  balances: Balances = new Map(),
): Map<string, Headroom> {
  const found = new Map<string, Headroom>();
  const roots = everyRoot(placement);
  for (const { unit, integer } of placement.units) {
    if (!integer || !unit.weight || isTable(unit)) continue;
    if (type === 'int8' && !isPackedAttention(unit.node)) continue;
    const input = unit.inputs[0]!;
    const seen = statistics.get(input);
    const params = paramsOf(roots.get(input) ?? input);
    const axis = unit.op === 'Conv' ? 1 : (seen?.dims.length ?? 0) - 1;
    const known = seen && seen.samples >= FEWEST_SAMPLES && channelAxisOf(seen.dims) === axis;
    const channels = known ? seen.channels : null;
    const ratios = balances.get(input);
    const of = (c: number) => ({
      scale: params!.scale * (ratios?.[c] ?? 1),
      zeroPoint: params!.zeroPoint + (type === 'int8' ? 128 : 0),
    });
    const largest = channels && params ? Array.from(channels.max, (m, c) => code(m, of(c))) : null;
    found.set(unit.name, { largest });
  }
  return found;
}

/** The largest uint8 code of a channel; padding makes zero one of its values. */
function code(max: number, { scale, zeroPoint }: QuantParams): number {
  return Math.min(255, Math.ceil((Math.max(max, 0) * MARGIN) / scale) + zeroPoint);
}
