import type { Feed } from '../onnx/value';
import type { TensorData } from '../onnx/tensor';
import { fileBytes } from './bytes';
import { cast } from './cast';
import { openNpy, readNpy, readNpySlice, type NpyArray } from './npy';
import { listNpz, openNpz } from './npz';
import { describeInput, fits, missingInput, wrongShape } from './shapes';
import type { InputSpec, RawSource } from './source';

/** One input's values for all samples of a file. */
interface Column {
  input: InputSpec;
  /** Dims of one sample. */
  dims: number[];
  count: number;
  read(position: number): Promise<TensorData>;
}

/**
 * The samples of an `.npy` or `.npz` file. Where an array has its input's rank, axis 0 is the sample (each keeps a
 * batch of 1); where it has one more, axis 0 counts samples and each is a whole input. An archive has one
 * array per input, by name; the name does not matter where there is one array and one input. Further arrays of an
 * archive are left alone.
 * @throws VernierError `data.not-found`, `data.bad-format`, `data.wrong-type`, `data.wrong-shape`,
 * `data.missing-input`, `data.empty`.
 */
export async function openArrays(file: string, inputs: readonly InputSpec[]): Promise<RawSource> {
  const arrays = await openByInput(file, inputs);
  const columns = inputs.map((input, i) => openColumn(file, input, arrays[i]!));
  const total = columns[0]?.count ?? 0;
  const other = columns.find(({ count }) => count !== total);
  if (other)
    throw wrongShape(
      file,
      other.input,
      `${file} has ${total} samples of '${inputs[0]!.name}' and ${other.count} of '${other.input.name}'.`,
      'Give every array the same number of samples.',
    );
  return {
    total,
    files: [file],
    settings: null,
    origin: (index) => ({ file, index }),
    async sample(position) {
      const feed: Record<string, Feed[string]> = {};
      for (const column of columns) {
        const { input, dims } = column;
        feed[input.name] = { type: input.type, dims, data: await column.read(position) };
      }
      return feed;
    },
  };
}

/** The array of each input, in the order of the inputs. */
async function openByInput(file: string, inputs: readonly InputSpec[]): Promise<NpyArray[]> {
  const [first, second] = inputs;
  if (!first) return [];
  if (!/\.npz$/i.test(file)) {
    if (second)
      throw missingInput(
        file,
        second,
        `${file} holds one array, and the model has ${inputs.length} inputs.`,
        'Give an .npz with one array per input: ' + inputs.map(({ name }) => name).join(', ') + '.',
      );
    return [await openNpy(await fileBytes(file))];
  }
  const names = await listNpz(file);
  if (!second && names.length === 1) return [...(await openNpz(file)).values()];
  const missing = inputs.find(({ name }) => !names.includes(name));
  if (missing)
    throw missingInput(
      file,
      missing,
      `${file} has no array for input '${missing.name}'; it has ${names.join(', ') || 'none'}.`,
      `Name the arrays as the inputs: numpy.savez(file, **{${inputs.map(({ name }) => `'${name}': …`).join(', ')}}).`,
    );
  const arrays = await openNpz(file, (name) => inputs.some((input) => input.name === name));
  return inputs.map(({ name }) => arrays.get(name)!);
}

function openColumn(file: string, input: InputSpec, array: NpyArray): Column {
  const { dims } = array;
  const rank = input.shape.length;
  const found = `${file} has ${array.type}[${dims.join(', ')}].`;
  const [count, ...rest] = dims;
  if (count === undefined || dims.length < rank || dims.length > rank + 1)
    throw wrongShape(
      file,
      input,
      found,
      `Give an array of rank ${rank} (axis 0 counts samples) or ${rank + 1} (each sample is a whole input).`,
    );
  const sample = dims.length === rank ? [1, ...rest] : rest;
  if (!fits(sample, input))
    throw wrongShape(
      file,
      input,
      `${found} One sample is [${sample.join(', ')}].`,
      `Make each sample fit ${describeInput(input)}${dims.length === rank ? ', or add an axis in front that counts samples' : ''}.`,
    );
  const size = sample.reduce((product, dim) => product * dim, 1);
  const place = { file, tensor: input.name };
  cast(new Uint8Array(0), array.type, input.type, place); // types that never fit are told at once
  let whole: Promise<TensorData> | undefined;
  const slice = async (position: number) => {
    if (!array.fortran) return readNpySlice(array, position * size, size);
    whole ??= readNpy(array);
    return (await whole).slice(position * size, (position + 1) * size);
  };
  return {
    input,
    dims: sample,
    count,
    read: async (position) => cast(await slice(position), array.type, input.type, place),
  };
}
