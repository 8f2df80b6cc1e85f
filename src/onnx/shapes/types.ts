/** What shape inference knows of a tensor. */
import type { ElementType } from '../schema';

/** A dimension: a size, a symbolic name, or unknown. */
export type Dim = number | string | null;

/** Element type (`undefined` where unknown) and shape (null where the rank is unknown). */
export interface TensorInfo {
  type: ElementType;
  shape: Dim[] | null;
}
