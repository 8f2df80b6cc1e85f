import { channelLayout } from './channels';
import { sqnrDb, SQNR_CAP_DB, type Codes } from './closeness';

/** {@link ChannelCloseness} as plain data: sums by channel, and which of them saw a value that is not finite. */
export interface ChannelClosenessData {
  axis: number;
  signal: Float64Array;
  noise: Float64Array;
  broken: Uint8Array;
}

/**
 * SQNR of every channel of a tensor along one axis, over as many samples as are added. The number of
 * channels is fixed by the first tensor; the other axes may change from sample to sample.
 */
export class ChannelCloseness {
  private signal = new Float64Array(0);
  private noise = new Float64Array(0);
  private broken = new Uint8Array(0);

  constructor(readonly axis: number) {}

  /** Channels seen; 0 before the first tensor. */
  get channels(): number {
    return this.signal.length;
  }

  /**
   * Adds a tensor of shape `dims` and its reference.
   * @throws RangeError if lengths, the axis or the number of channels do not fit.
   */
  add(reference: Float32Array, got: Float32Array, dims: readonly number[]): this {
    return this.accumulate(reference, got, dims, 1, 0);
  }

  /** The same for integer codes, dequantized on the fly with one scale and zero point. */
  addCodes(
    reference: Float32Array,
    codes: Codes,
    scale: number,
    zeroPoint: number,
    dims: readonly number[],
  ): this {
    return this.accumulate(reference, codes, dims, scale, zeroPoint);
  }

  /** Adds what another one has seen. @throws RangeError if the numbers of channels differ. */
  merge(other: ChannelCloseness): this {
    if (other.channels === 0) return this;
    this.expect(other.channels);
    for (let c = 0; c < this.channels; c++) {
      this.signal[c]! += other.signal[c]!;
      this.noise[c]! += other.noise[c]!;
      this.broken[c]! |= other.broken[c]!;
    }
    return this;
  }

  /** The sums as plain data, which later additions change. */
  toData(): ChannelClosenessData {
    const { axis, signal, noise, broken } = this;
    return { axis, signal, noise, broken };
  }

  static fromData({ axis, ...sums }: ChannelClosenessData): ChannelCloseness {
    return Object.assign(new ChannelCloseness(axis), sums);
  }

  /** SQNR in dB of every channel, in channel order, within ±150; −150 where a value was not finite. */
  sqnrDb(): number[] {
    return Array.from(this.signal, (signal, c) =>
      this.broken[c] ? -SQNR_CAP_DB : sqnrDb(signal, this.noise[c]!),
    );
  }

  /** The part of all noise that lies in every channel, in channel order: 1 together, or all 0 where there is none. */
  noiseShares(): number[] {
    const all = this.noise.reduce((sum, n) => sum + n, 0);
    return Array.from(this.noise, (n) => (all > 0 ? n / all : 0));
  }

  private expect(channels: number): void {
    if (this.channels === 0) {
      this.signal = new Float64Array(channels);
      this.noise = new Float64Array(channels);
      this.broken = new Uint8Array(channels);
    } else if (this.channels !== channels)
      throw new RangeError(`${channels} channels after ${this.channels}.`);
  }

  private accumulate(
    reference: Float32Array,
    got: Float32Array | Codes,
    dims: readonly number[],
    scale: number,
    zeroPoint: number,
  ): this {
    const { outer, channels, inner } = channelLayout(dims, this.axis);
    if (reference.length !== outer * channels * inner || got.length !== reference.length)
      throw new RangeError(`${got.length} and ${reference.length} values of [${dims.join(', ')}].`);
    this.expect(channels);
    let i = 0;
    for (let o = 0; o < outer; o++)
      for (let c = 0; c < channels; c++) {
        let signal = 0;
        let noise = 0;
        for (const end = i + inner; i < end; i++) {
          const x = reference[i]!;
          const y = Math.fround((got[i]! - zeroPoint) * scale);
          const d = x - y;
          if (d - d !== 0) {
            if (x !== y) this.broken[c] = 1;
            continue;
          }
          signal += x * x;
          noise += d * d;
        }
        this.signal[c]! += signal;
        this.noise[c]! += noise;
      }
    return this;
  }
}
