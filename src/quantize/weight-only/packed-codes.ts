import {
  isFiniteMatrix,
  packMatrix,
  type FittedScales,
  type PackedMatrix,
  type PackRequest,
} from './pack';

/** Thrown where weights are not finite; its message is the reason. */
export class NotFinite extends Error {}

/**
 * The codes of one matrix, with their scales and zero points. Held ones are made anew each time they are asked for, so
 * that a model of any size is written with one matrix in memory; scales and zero points, a small part, stay, and are
 * searched for once.
 * @throws NotFinite where a value is NaN or infinite
 */
export class PackedCodes {
  private packed: PackedMatrix | null = null;

  constructor(
    private readonly request: PackRequest,
    readonly held: boolean,
  ) {
    if (!held) this.packed = this.pack();
    else if (!isFiniteMatrix(request)) this.refuse();
  }

  codes(): Uint8Array {
    if (!this.held) return this.packed!.codes;
    const packed = this.pack(this.packed ?? undefined);
    this.packed ??= { ...packed, codes: new Uint8Array() };
    return packed.codes;
  }

  get scales(): Float32Array {
    return this.parameters().scales;
  }

  /** One a byte. */
  get zeros(): Uint8Array {
    return this.parameters().zeros;
  }

  private parameters(): PackedMatrix {
    return (this.packed ??= { ...this.pack(), codes: new Uint8Array() });
  }

  private pack(fitted?: FittedScales): PackedMatrix {
    return packMatrix(this.request, fitted) ?? this.refuse();
  }

  private refuse(): never {
    throw new NotFinite(`its weight '${this.request.tensor.name}' holds NaN or infinite values`);
  }
}
