/** Operators that change sizes of axes: Resize, Upsample, Pad, CenterCropPad. */
import { axisOf, numbers, value, type Dim, type Rule, type RuleNode } from './types';

/** One value per axis of the input, for an operator whose `axes` may name only some. */
function perAxis(n: RuleNode, given: Dim[], rank: number, rest: Dim): Dim[] | null {
  const axes = n.ints('axes');
  if (!axes) return given.length === rank ? given : null;
  const result = new Array<Dim>(rank).fill(rest);
  for (const [i, a] of axes.entries()) result[axisOf(a, rank)] = given[i] ?? null;
  return result;
}

/** floor(size · scale) in float32, as the runtime computes it */
function scaledSize(d: Dim, scale: Dim): Dim {
  if (scale === 1) return d;
  if (typeof d !== 'number' || typeof scale !== 'number') return null;
  return Math.floor(Math.fround(d * Math.fround(scale)));
}

/** https://onnx.ai/onnx/operators/onnx__Resize.html */
const resize: Rule = (n) => {
  const { type, shape } = n.input(0);
  if (!shape) return [value(type, null)];
  const open = value(
    type,
    shape.map(() => null),
  );
  if (n.string('coordinate_transformation_mode', '') === 'tf_crop_and_resize' && !n.has(3))
    return [open];
  const old = n.opset < 11;
  const scaleInput = n.input(old ? 1 : 2);
  if (!old && n.has(3)) {
    const sizes = n.input(3).data;
    const wanted = sizes && perAxis(n, sizes, shape.length, -1);
    if (!wanted) return [open];
    const target = wanted.map((d, i) => (d === -1 ? shape[i]! : d));
    const policy = n.string('keep_aspect_ratio_policy', 'stretch');
    return [value(type, policy === 'stretch' ? target : kept(shape, wanted, policy))];
  }
  const given = n.floats('scales') ?? scaleInput.data;
  const scales = given && perAxis(n, given, shape.length, 1);
  if (!scales) return [open];
  return [
    value(
      type,
      shape.map((d, i) => scaledSize(d, scales[i]!)),
    ),
  ];
};

/** One scale for all axes, the smallest (`not_larger`) or the largest, rounded half up. */
function kept(shape: Dim[], wanted: Dim[], policy: string): Dim[] {
  const ratios: number[] = [];
  for (const [i, d] of wanted.entries()) {
    const from = shape[i];
    if (d === -1) continue;
    if (typeof d !== 'number' || typeof from !== 'number') return shape.map(() => null);
    ratios.push(d / from);
  }
  const scale = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return shape.map((d, i) =>
    wanted[i] === -1 ? d : typeof d === 'number' ? Math.floor(d * scale + 0.5) : null,
  );
}

const upsample: Rule = (n) => {
  const { type, shape } = n.input(0);
  const image = n.attribute('height_scale')
    ? [1, 1, n.float('height_scale', 1), n.float('width_scale', 1)]
    : null;
  const scales = image ?? n.floats('scales') ?? n.input(1).data;
  if (!shape) return [value(type, null)];
  return [
    value(
      type,
      shape.map((d, i) => scaledSize(d, scales?.[i] ?? null)),
    ),
  ];
};

/** https://onnx.ai/onnx/operators/onnx__Pad.html */
const pad: Rule = (n) => {
  const { type, shape } = n.input(0);
  if (!shape) return [value(type, null)];
  const rank = shape.length;
  const pads = n.ints('pads') ?? n.ints('paddings') ?? n.input(1).data;
  const axes = n.has(3) ? numbers(n.input(3).data) : shape.map((_, i) => i);
  if (!pads || !axes || pads.length !== 2 * axes.length)
    return [
      value(
        type,
        shape.map(() => null),
      ),
    ];
  const result: Dim[] = [...shape];
  for (const [i, axis] of axes.entries()) {
    const at = axisOf(axis, rank);
    const [d, before, after] = [shape[at] ?? null, pads[i] ?? null, pads[i + axes.length] ?? null];
    if (before === 0 && after === 0) continue;
    const known = [d, before, after].every((x) => typeof x === 'number');
    result[at] = known ? (d as number) + (before as number) + (after as number) : null;
  }
  return [value(type, result)];
};

const centerCropPad: Rule = (n) => {
  const { type, shape } = n.input(0);
  const target = n.input(1).data;
  if (!shape || !target) return [value(type, shape && shape.map(() => null))];
  const axes = n.ints('axes') ?? shape.map((_, i) => i);
  const result: Dim[] = [...shape];
  for (const [i, a] of axes.entries()) result[axisOf(a, shape.length)] = target[i] ?? null;
  return [value(type, result)];
};

export const resizeRules: Record<string, Rule> = {
  Resize: resize,
  Upsample: upsample,
  Pad: pad,
  CenterCropPad: centerCropPad,
};
