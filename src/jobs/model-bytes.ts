import { stat } from 'node:fs/promises';
import { allTensors, isExternal, tensorBytes } from '../onnx';
import type { Subject } from './subject';

/** Bytes of a source model, the weights that it has in other files included. */
export async function sourceBytes({ file, source }: Subject): Promise<number> {
  let bytes = (await stat(file)).size;
  for (const { tensor } of allTensors(source.graph))
    if (isExternal(tensor)) bytes += tensorBytes(tensor);
  return bytes;
}

/** Bytes of a written model. @param data the file that holds its weights, or null where it stands alone */
export async function writtenBytes(file: string, data: string | null): Promise<number> {
  return (await stat(file)).size + (data === null ? 0 : (await stat(data)).size);
}
