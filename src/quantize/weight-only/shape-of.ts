/** Shapes of activation tensors, as shape inference found them; null where even the rank is open. */
export type ShapeOf = (tensor: string) => readonly (number | string | null)[] | null;
