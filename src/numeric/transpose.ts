/** Values as a typed array of any kind. */
type Values = { readonly length: number; [index: number]: unknown };

/**
 * Fills `target` with `source` of shape `dims`, its axes in the order `perm` (https://onnx.ai/onnx/operators/onnx__Transpose.html).
 * Axes that stay together move together; two dimensions go block by block, which is what caches like.
 */
export function transposeInto<T extends Values>(
  source: T,
  target: T,
  dims: readonly number[],
  perm: readonly number[],
): void {
  const strides = dims.map((_, i) => dims.slice(i + 1).reduce((a, b) => a * b, 1));
  const shape = perm.map((axis) => dims[axis]!);
  const steps = perm.map((axis) => strides[axis]!);
  const rank = shape.length;
  if (rank < 2 || source.length === 0) {
    for (let i = 0; i < source.length; i++) target[i] = source[i];
    return;
  }
  const [rows, columns] = [shape[rank - 2]!, shape[rank - 1]!];
  const [rowStep, columnStep] = [steps[rank - 2]!, steps[rank - 1]!];
  const at = new Array<number>(rank - 2).fill(0);
  for (let to = 0; to < source.length; to += rows * columns) {
    const from = at.reduce((sum, i, axis) => sum + i * steps[axis]!, 0);
    plane(source, target, { from, to, rows, columns, rowStep, columnStep });
    for (let axis = rank - 3; axis >= 0; axis--) {
      if (++at[axis]! < shape[axis]!) break;
      at[axis] = 0;
    }
  }
}

const BLOCK = 32;

function plane<T extends Values>(
  source: T,
  target: T,
  p: {
    from: number;
    to: number;
    rows: number;
    columns: number;
    rowStep: number;
    columnStep: number;
  },
): void {
  for (let r0 = 0; r0 < p.rows; r0 += BLOCK) {
    const r1 = Math.min(p.rows, r0 + BLOCK);
    for (let c0 = 0; c0 < p.columns; c0 += BLOCK) {
      const c1 = Math.min(p.columns, c0 + BLOCK);
      for (let r = r0; r < r1; r++) {
        const from = p.from + r * p.rowStep;
        const to = p.to + r * p.columns;
        for (let c = c0; c < c1; c++) target[to + c] = source[from + c * p.columnStep];
      }
    }
  }
}
