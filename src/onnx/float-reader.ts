import { VernierError } from '../errors';
import { externalSource } from './external';
import type { ByteSource } from './held';
import type { TensorProto } from './schema';
import { isExternal, rawBytes, tensorBytes, tensorType } from './tensor';

/**
 * Reads a float32 tensor piece by piece, so that one of any size passes through a small window. One whose values are
 * computed is computed once, and whole.
 */
export class FloatReader {
  private readonly bytes: Uint8Array | null;
  private readonly file: ByteSource | null;

  /**
   * @param dir folder of the model, for external data
   * @throws VernierError `model.bad-tensor` where it is not float32 or its bytes do not fit its dims; `model.external-*`
   */
  constructor(tensor: TensorProto, dir: string | null) {
    const expected = tensorBytes(tensor);
    const bad = (what: string) =>
      new VernierError('model.bad-tensor', `Tensor '${tensor.name}' ${what}.`, {
        tensor: tensor.name,
        remedy: 'The file is damaged: export or download it again.',
      });
    if (tensorType(tensor) !== 'float32')
      throw bad(`is ${tensorType(tensor)} where float32 was expected`);
    const source = isExternal(tensor) ? externalSource(tensor, dir, expected) : null;
    this.file = source?.extent ? source : null;
    this.bytes = this.file ? null : (source?.read() ?? rawBytes(tensor, dir));
    if (this.bytes && this.bytes.length !== expected)
      throw bad(`has ${this.bytes.length} bytes where its dims take ${expected}`);
  }

  /** `count` values from index `from` on. Treat them as read-only: they may be the tensor's own. */
  read(from: number, count: number): Float32Array {
    const bytes = this.file
      ? this.file.range(4 * from, 4 * count)
      : this.bytes!.subarray(4 * from, 4 * (from + count));
    if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, count);
    const values = new Float32Array(count);
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }
}
