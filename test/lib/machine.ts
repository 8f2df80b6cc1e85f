/** What the processor that the tests run on computes. */
import { pairsClip } from '../../src/runtime/pair-probe';

/**
 * True where sums of pairs clip at 16 bits in the runtime's kernels here (x86 without VNNI, DESIGN §4.10). What is written for
 * such a machine leaves headroom in its weights, and so do tests that compare what runs here with the arithmetic of the file.
 */
export const CLIPS = await pairsClip();
/** Bits of weights whose products with 8-bit activations are exact here. */
export const WEIGHT_BITS = CLIPS ? 7 : 8;
