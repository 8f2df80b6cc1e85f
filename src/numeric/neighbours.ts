/** {@link NeighbourCorrelation} as plain data: Σ d·d′ over pairs of neighbours, and Σ (d² + d′²) / 2. */
export interface NeighbourCorrelationData {
  product: number;
  square: number;
}

/**
 * How alike the noise of a tensor is at neighbouring places: the correlation of d = y − x with its neighbours in the last two of
 * four axes, over as many samples as are added. White noise has 0; noise that is the same everywhere in a channel 1.
 */
export class NeighbourCorrelation {
  private product = 0;
  private square = 0;

  /** True for tensors whose last two axes are places. */
  static fits(dims: readonly number[]): boolean {
    return dims.length === 4 && dims[2]! > 1 && dims[3]! > 1;
  }

  /** Adds a tensor of shape `dims` and its reference. @throws RangeError if lengths or axes do not fit */
  add(reference: Float32Array, got: Float32Array, dims: readonly number[]): this {
    const size = dims.reduce((a, b) => a * b, 1);
    if (!NeighbourCorrelation.fits(dims) || reference.length !== size || got.length !== size)
      throw new RangeError(`${got.length} and ${reference.length} values of [${dims.join(', ')}].`);
    const [height, width] = [dims[2]!, dims[3]!];
    const noise = got.map((y, i) => y - reference[i]!);
    for (let plane = 0; plane < size; plane += height * width)
      for (let y = 0; y < height; y++)
        for (let x = 0, i = plane + y * width; x < width; x++, i++) {
          const d = noise[i]!;
          if (x + 1 < width) this.pair(d, noise[i + 1]!);
          if (y + 1 < height) this.pair(d, noise[i + width]!);
        }
    return this;
  }

  /** −1 … 1; null where there is no noise. */
  get value(): number | null {
    return this.square > 0 ? Math.max(-1, Math.min(1, this.product / this.square)) : null;
  }

  toData(): NeighbourCorrelationData {
    const { product, square } = this;
    return { product, square };
  }

  static fromData(sums: NeighbourCorrelationData): NeighbourCorrelation {
    return Object.assign(new NeighbourCorrelation(), sums);
  }

  private pair(a: number, b: number): void {
    const product = a * b;
    if (product - product !== 0) return;
    this.product += product;
    this.square += (a * a + b * b) / 2;
  }
}
