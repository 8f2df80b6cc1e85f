import { VernierError } from '../errors';
import type { InputSpec } from './source';

/** A shape as people write it: `float32[1, 3, h, ?]`. */
export function describeInput({ type, shape }: InputSpec): string {
  return `${type}[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}

/** True if a tensor of shape `dims` may enter an input: same rank, and the same number wherever it declares one. */
export function fits(dims: readonly number[], { shape }: InputSpec): boolean {
  return (
    dims.length === shape.length &&
    dims.every((dim, axis) => typeof shape[axis] !== 'number' || shape[axis] === dim)
  );
}

/** The error for data of another shape than an input declares. */
export function wrongShape(
  file: string,
  input: InputSpec,
  message: string,
  remedy: string,
): VernierError {
  return new VernierError(
    'data.wrong-shape',
    `${message} Input '${input.name}' is ${describeInput(input)}.`,
    { file, tensor: input.name, remedy },
  );
}

/** The error for inputs that the data does not provide. */
export function missingInput(
  file: string,
  input: InputSpec,
  message: string,
  remedy: string,
): VernierError {
  return new VernierError('data.missing-input', message, { file, tensor: input.name, remedy });
}
