/** A number as an integer times a power of two. */
interface Scaled {
  integer: bigint;
  /** The integer is to be multiplied by 2 to this power. */
  exponent: number;
}

/**
 * A sum of doubles, and of products of doubles, without any rounding: an integer times a power of two. It is
 * therefore the same in whatever order and groups the terms are added, which sums of doubles are not.
 */
export class ExactSum {
  private integer = 0n;
  private exponent = 0;

  /** Adds the product of finite numbers. @throws RangeError for NaN and infinities */
  add(...factors: readonly number[]): this {
    let integer = 1n;
    let exponent = 0;
    for (const factor of factors) {
      const part = scaled(factor);
      integer *= part.integer;
      exponent += part.exponent;
    }
    return this.addScaled(integer, exponent);
  }

  /** Adds another sum. */
  merge(other: ExactSum): this {
    return this.addScaled(other.integer, other.exponent);
  }

  /** This sum times a whole number. */
  times(factor: number): ExactSum {
    const product = new ExactSum();
    return product.addScaled(this.integer * BigInt(factor), this.exponent);
  }

  /** The square of this sum. */
  squared(): ExactSum {
    return new ExactSum().addScaled(this.integer * this.integer, 2 * this.exponent);
  }

  /** This sum less another one. */
  minus(other: ExactSum): ExactSum {
    return new ExactSum().merge(this).addScaled(-other.integer, other.exponent);
  }

  /** The double nearest to this sum divided by a whole number above zero. */
  over(divisor: number): number {
    if (this.integer === 0n) return 0;
    // Enough digits that what is cut off cannot matter beyond the last bit of a double.
    const bits = BigInt(Math.max(0, 128 - bitLength(this.integer) + bitLength(BigInt(divisor))));
    const quotient = Number((this.integer << bits) / BigInt(divisor));
    const power = this.exponent - Number(bits);
    // In two steps, for 2 to the power alone may be out of range.
    return quotient * 2 ** Math.trunc(power / 2) * 2 ** (power - Math.trunc(power / 2));
  }

  /** One text for each value: hexadecimal integer and exponent, e.g. `-1a@-20`. */
  toString(): string {
    if (this.integer === 0n) return '0@0';
    const zeros = trailingZeros(this.integer);
    return `${(this.integer >> zeros).toString(16)}@${this.exponent + Number(zeros)}`;
  }

  /** @throws RangeError for a text that {@link toString} does not make */
  static parse(text: string): ExactSum {
    const match = /^(-?)([0-9a-f]+)@(-?\d+)$/.exec(text);
    if (!match) throw new RangeError(`'${text}' is no exact sum.`);
    const magnitude = BigInt(`0x${match[2]}`);
    return new ExactSum().addScaled(match[1] ? -magnitude : magnitude, Number(match[3]));
  }

  private addScaled(integer: bigint, exponent: number): this {
    if (integer === 0n) return this;
    if (this.integer === 0n) this.exponent = exponent;
    if (exponent >= this.exponent) this.integer += integer << BigInt(exponent - this.exponent);
    else {
      this.integer = (this.integer << BigInt(this.exponent - exponent)) + integer;
      this.exponent = exponent;
    }
    return this;
  }
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** A finite double taken apart (IEEE 754: 52 bits of fraction, exponent biased by 1023). */
function scaled(value: number): Scaled {
  if (!Number.isFinite(value)) throw new RangeError(`${value} cannot be summed exactly.`);
  if (Number.isSafeInteger(value)) return { integer: BigInt(value), exponent: 0 };
  double[0] = value;
  const high = words[1]!;
  const biased = (high >>> 20) & 0x7ff;
  const fraction = (high & 0xfffff) * 2 ** 32 + words[0]!;
  const magnitude = BigInt(biased === 0 ? fraction : fraction + 2 ** 52);
  return {
    integer: high >>> 31 ? -magnitude : magnitude,
    exponent: Math.max(biased, 1) - 1075,
  };
}

function bitLength(value: bigint): number {
  return (value < 0n ? -value : value).toString(16).length * 4;
}

function trailingZeros(value: bigint): bigint {
  let zeros = 0n;
  while ((value & 0xffffffffn) === 0n) {
    value >>= 32n;
    zeros += 32n;
  }
  return zeros + BigInt(31 - Math.clz32(Number(value & -value & 0xffffffffn)));
}
