/** How much more or less of a layer's own noise arrives than of noise that has come through other layers. */
import { channelAxisOf } from '../../quantize/statistics';
import { along, even, product, type Field } from '../analytic/field';
import { Gains, type Carrying, type Course } from '../analytic/gain';
import type { Net } from '../analytic/net';
import type { Made } from './passes';

/** Coherences are told apart in steps of one by this. */
const STEPS = 10;

/**
 * The ratio by tensor and noise; 1 where its coherence is not known. Rounding alone is white, and pools take most of it away;
 * what rounded weights make follows the signal, and stays.
 * @param plain gains of noise that has come through other layers
 */
export function freshness(carry: Carrying, course: Course, plain: Gains) {
  const known = new Map<number, Gains>();
  const gainsOf = (coherence: number): Gains => {
    const step = Math.round(STEPS * Math.min(1, Math.max(0, coherence)));
    let gains = known.get(step);
    if (!gains) {
      gains = new Gains(carry, { ...course, fresh: { coherence: step / STEPS, behind: plain } });
      known.set(step, gains);
    }
    return gains;
  };
  return (tensor: string, made: Made): number => {
    if (made.coherence === null) return 1;
    const noise = noiseField(carry.known.net, tensor, made);
    const arrives = (gains: Gains) => gains.total(tensor, product(noise, gains.of(tensor)));
    const all = arrives(plain);
    return all > 0 ? arrives(gainsOf(made.coherence)) / all : 1;
  };
}

/** The power of a noise, channel by channel where that is known. */
function noiseField(net: Net, tensor: string, { power, shares }: Made): Field {
  const dims = net.dims(tensor);
  const axis = dims && channelAxisOf(dims);
  if (!shares || !dims || axis === null || dims[axis] !== shares.length) return even(power);
  return along(
    axis,
    shares.map((share) => share * power * shares.length),
  );
}
