import { fromBinary } from '@bufbuild/protobuf';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { toErrorData, VernierError } from '../errors';
import { TensorProtoSchema } from '../onnx/gen/onnx_pb';
import { tensorData, tensorDims, tensorType } from '../onnx/tensor';
import { notFound } from './bytes';
import { cast } from './cast';
import { describeInput, fits, missingInput, wrongShape } from './shapes';
import type { InputSpec, RawSource, TensorValue } from './source';

/**
 * A serialized `TensorProto` as ONNX's backend tests have them (raw or typed fields).
 * @throws VernierError `data.not-found`, `data.bad-format`.
 */
export async function readTensorFile(file: string): Promise<TensorValue & { name: string }> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw notFound(file, cause);
  });
  try {
    const tensor = fromBinary(TensorProtoSchema, bytes);
    const data = tensorData(tensor);
    return { name: tensor.name, type: tensorType(tensor), dims: tensorDims(tensor), data };
  } catch (cause) {
    throw new VernierError(
      'data.bad-format',
      `${file} is not a tensor of numbers: ${toErrorData(cause).message}`,
      { file, remedy: 'Give serialized TensorProtos: sequences and optionals are not supported.' },
      { cause },
    );
  }
}

/** Folders of one sample each (`test_data_set_0` …): the folder itself, or those in it in the order of their numbers. */
export async function listDataSets(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.some(({ name }) => /^input_\d+\.pb$/.test(name))) return [folder];
  return entries
    .filter((entry) => !entry.isFile() && entry.name.startsWith('test_data_set_'))
    .map(({ name }) => name)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => join(folder, name));
}

/**
 * Each folder's `input_*.pb` as a sample: by their names where every input has one of its name, else in the
 * order of the inputs.
 * @throws VernierError while sampling: `data.bad-format`, `data.missing-input`, `data.wrong-shape`, `data.wrong-type`.
 */
export async function openProtos(
  folders: readonly string[],
  inputs: readonly InputSpec[],
): Promise<RawSource> {
  const files = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(folder))
        .filter((name) => /^input_\d+\.pb$/.test(name))
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
        .map((name) => join(folder, name)),
    ),
  );
  return {
    total: folders.length,
    files: files.flat(),
    settings: null,
    origin: (position) => ({ file: folders[position] ?? null, index: null }),
    async sample(position) {
      const tensors = await Promise.all(files[position]!.map(readTensorFile));
      const folder = folders[position]!;
      const named = inputs.every(({ name }) => tensors.some((tensor) => tensor.name === name));
      const feed: Record<string, TensorValue> = {};
      inputs.forEach((input, i) => {
        const at = named ? tensors.findIndex(({ name }) => name === input.name) : i;
        const tensor = tensors[at];
        if (!tensor)
          throw missingInput(
            folder,
            input,
            `${folder} has ${tensors.length} inputs, and the model ${inputs.length}.`,
            `Add input_${i}.pb for '${input.name}'.`,
          );
        const file = files[position]![at]!;
        if (!fits(tensor.dims, input))
          throw wrongShape(
            file,
            input,
            `${basename(file)} is ${tensor.type}[${tensor.dims.join(', ')}].`,
            `Give a tensor that fits ${describeInput(input)}.`,
          );
        const data = cast(tensor.data, tensor.type, input.type, { file, tensor: input.name });
        feed[input.name] = { type: input.type, dims: tensor.dims, data };
      });
      return feed;
    },
  };
}
