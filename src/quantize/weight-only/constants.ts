import { getNibble, nibbleBytes } from '../../numeric';
import {
  ComputedBytes,
  elementBits,
  isExternal,
  makeHeldTensor,
  makeIntsTensor,
  rawBytes,
  tensorOf,
  type ElementType,
  type GraphIndex,
  type Model,
} from '../../onnx';
import { packZeros, signedCodes, type PackRequest } from './pack';
import { PackedCodes } from './packed-codes';
import {
  BLOCKS,
  bitsOf,
  formatOf,
  isSigned,
  type Block,
  type WeightOnlySettings,
  type WeightType,
} from './settings';
import type { WeightSource } from './source';

/** Initializers of a packed matrix; `zeroPoint` is null where it is the middle of the codes. */
export interface PackedNames {
  codes: string;
  scale: string;
  zeroPoint: string | null;
  /** Codes that one scale covers. */
  block: number;
  bits: 4 | 8;
}

/** Weights of so many values and more that lie on disk are packed when their codes are written, and not before. */
const LARGE = 1 << 20;

/**
 * Packs weights one by one and remembers what it wrote: a weight that layers share is written once. Only one matrix is
 * read at a time, and it is forgotten when its codes are written; those of large ones are held, not kept.
 */
export class PackedConstants {
  private readonly written = new Map<string, PackedNames>();

  constructor(
    private readonly model: Model,
    readonly index: GraphIndex,
    readonly settings: WeightOnlySettings,
  ) {}

  /** B, scales and zero points of MatMulNBits: [N, blocks, bytes], [N · blocks], [N · ⌈blocks · bits / 8⌉]. */
  forMatMul(source: WeightSource, type: WeightType): PackedNames {
    return this.once(`matmul|${key(source)}|${type}`, () => {
      const block = this.operatorBlock(source, type);
      const bits = bitsOf(type);
      const blocks = Math.ceil(source.k / block);
      const packed = this.pack(source, type, block, 'channel', blocks * block);
      const add = this.adder(source.tensor);
      const zeroBytes = source.n * Math.ceil((blocks * bits) / 8);
      const zeros = () => (bits === 4 ? packZeros(packed.zeros, source.n, blocks) : packed.zeros);
      return {
        codes: add('quantized', 'uint8', [source.n, blocks, (block * bits) / 8], packed.held, () =>
          packed.codes(),
        ),
        scale: add('scale', 'float32', [source.n * blocks], packed.held, () => packed.scales),
        zeroPoint: isSigned(type)
          ? null
          : add('zero_point', 'uint8', [zeroBytes], packed.held, zeros),
        block,
        bits,
      };
    });
  }

  /** Data, scales and zero points of GatherBlockQuantized: [N, bytes], [N, blocks], [N, ⌈blocks · bits / 8⌉]. */
  forGather(source: WeightSource, type: WeightType): PackedNames {
    return this.once(`gather|${key(source)}|${type}`, () => {
      const block = this.operatorBlock(source, type);
      const bits = bitsOf(type);
      const blocks = Math.ceil(source.k / block);
      const packed = this.pack(source, type, block, 'channel', source.k);
      const add = this.adder(source.tensor);
      const zeroShape = [source.n, Math.ceil((blocks * bits) / 8)];
      const zeros = () => (bits === 4 ? packZeros(packed.zeros, source.n, blocks) : packed.zeros);
      return {
        codes: add('quantized', 'uint8', [source.n, (source.k * bits) / 8], packed.held, () =>
          packed.codes(),
        ),
        scale: add('scale', 'float32', [source.n, blocks], packed.held, () => packed.scales),
        zeroPoint: isSigned(type)
          ? null
          : add('zero_point', 'uint8', zeroShape, packed.held, zeros),
        block,
        bits,
      };
    });
  }

  /**
   * Zero points of 4 bits as GatherBlockQuantized wants them of a table that it shares with MatMulNBits, one a byte:
   * [N, blocks, 1]. Those of 8 bits are the same for both.
   */
  zerosOfShared({ tensor, n, k }: WeightSource, names: PackedNames): string {
    const blocks = Math.ceil(k / names.block);
    const shared = this.index.initializer(names.zeroPoint!)!;
    const zeros = () => {
      const packed = rawBytes(shared, this.model.dir);
      const rowBytes = nibbleBytes(blocks);
      return Uint8Array.from({ length: n * blocks }, (_, i) =>
        getNibble(packed, 2 * rowBytes * Math.floor(i / blocks) + (i % blocks)),
      );
    };
    return this.adder(tensor)(
      'zero_point_of_rows',
      'uint8',
      [n, blocks, 1],
      isExternal(shared),
      zeros,
    );
  }

  /**
   * x, scale and zero point of a DequantizeLinear: the codes in the shape of the product's right side [K, N], or of the
   * table [N, K] with `rows`. Blocks run along K. With one scale a channel or tensor there is one block, and `block` is K.
   */
  forDequantize(source: WeightSource, type: WeightType, rows: boolean): PackedNames {
    return this.once(`qdq|${key(source)}|${type}|${rows}`, () => {
      const { k, n, tensor } = source;
      const { granularity } = this.settings;
      const block = granularity === 'block' ? fitting(this.settings.block, k) : k;
      const bits = bitsOf(type);
      const blocks = Math.ceil(k / block);
      const order = rows ? 'channel' : 'input';
      const packed = this.pack(source, type, block, order, k);
      const codes = () =>
        isSigned(type) ? signedCodes(packed.codes(), bits, n * k) : packed.codes();
      const { shape, count } = this.entries(rows, n, blocks);
      const zeros = () => {
        const used = packed.zeros.subarray(0, count);
        return bits === 4 ? packZeros(used, 1, count) : used;
      };
      const add = this.adder(tensor);
      return {
        codes: add('quantized', type, rows ? [n, k] : [k, n], packed.held, codes),
        scale: add('scale', 'float32', shape, packed.held, () => packed.scales.subarray(0, count)),
        zeroPoint: isSigned(type) ? null : add('zero_point', type, shape, packed.held, zeros),
        block,
        bits,
      };
    });
  }

  /** Shape of the scales of a DequantizeLinear: with one a channel or a tensor it needs no blocks. */
  private entries(rows: boolean, n: number, blocks: number): { shape: number[]; count: number } {
    const { granularity } = this.settings;
    if (rows) return { shape: [n, blocks], count: n * blocks };
    if (granularity === 'block') return { shape: [blocks, n], count: blocks * n };
    return granularity === 'channel' ? { shape: [n], count: n } : { shape: [], count: 1 };
  }

  /** A small constant of shapes, shared by all who want the same. */
  ints(values: readonly number[]): string {
    const name = `vernier.ints.${values.join('_')}`;
    if (this.index.isConstant(name)) return name;
    return this.index.addInitializer(makeIntsTensor(name, values));
  }

  /**
   * Codes that one scale of the contrib operators covers. With one scale a channel it is repeated: then the block that
   * stores it in the fewest bytes, the last one being filled up.
   */
  private operatorBlock({ k }: WeightSource, type: WeightType): number {
    const { granularity, block } = this.settings;
    if (granularity === 'block') return fitting(block, k);
    const bytes = (b: number) => packedBytes(k, 1, b, type);
    return BLOCKS.reduce<number>((best, b) => (bytes(b) <= bytes(best) ? b : best), BLOCKS[0]);
  }

  /** Bytes that a packed matrix will take, to be compared with the 4 · K · N of FP32. */
  bytes(source: WeightSource, type: WeightType): number {
    const { form, granularity, block } = this.settings;
    const { k, n } = source;
    if (form === 'matmul-nbits') return packedBytes(k, n, this.operatorBlock(source, type), type);
    const entries = granularity === 'block' ? Math.ceil(k / fitting(block, k)) * n : n;
    return (k * n * bitsOf(type)) / 8 + entries * (isSigned(type) ? 4 : 4 + bitsOf(type) / 8);
  }

  private pack(
    { tensor, kAxis, k, n }: WeightSource,
    type: WeightType,
    block: number,
    order: PackRequest['order'],
    stride: number,
  ): PackedCodes {
    const request: PackRequest = {
      tensor: this.index.initializer(tensor)!,
      dir: this.model.dir,
      kAxis,
      k,
      n,
      block,
      granularity: this.settings.granularity,
      format: formatOf(type, this.settings),
      order,
      stride,
    };
    return new PackedCodes(request, isExternal(request.tensor) && k * n >= LARGE);
  }

  private once(id: string, make: () => PackedNames): PackedNames {
    let names = this.written.get(id);
    if (!names) this.written.set(id, (names = make()));
    return names;
  }

  /** Adds an initializer; with `held` its values are made when they are asked for. */
  private adder(tensor: string) {
    return (
      what: string,
      type: ElementType,
      dims: readonly number[],
      held: boolean,
      data: () => Uint8Array | Float32Array,
    ): string => {
      const name = this.index.freshName(`${tensor}_${what}`);
      const bytes = Math.ceil((dims.reduce((a, b) => a * b, 1) * elementBits(type)) / 8);
      return this.index.addInitializer(
        held
          ? makeHeldTensor(name, type, dims, new ComputedBytes(bytes, data))
          : tensorOf(name, type, dims, data()),
      );
    };
  }
}

/** The block, or for a shorter K the smallest that holds it: nothing is gained by filling up more. */
function fitting(block: Block, k: number): Block {
  return BLOCKS.find((b) => b >= Math.min(block, k)) ?? block;
}

/** Bytes of codes, scales and zero points where every channel fills up its last block. */
function packedBytes(k: number, n: number, block: number, type: WeightType): number {
  const bits = bitsOf(type);
  const perBlock = (block * bits) / 8 + 4 + (isSigned(type) ? 0 : bits / 8);
  return n * Math.ceil(k / block) * perBlock;
}

const key = ({ tensor, kAxis }: WeightSource) => `${tensor}|${kAxis}`;
