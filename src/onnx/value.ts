import type { ElementType } from './schema';
import type { TensorData } from './tensor';

/** A tensor with its values in memory: what goes into a session and what comes out. */
export interface TensorValue {
  type: ElementType;
  dims: readonly number[];
  data: TensorData;
}

/** Values by input or output name. */
export type Feed = Readonly<Record<string, TensorValue>>;

/** An input as the model declares it. */
export interface InputSpec {
  name: string;
  type: ElementType;
  shape: readonly (number | string | null)[];
}
