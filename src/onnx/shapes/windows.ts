/** Convolutions and pools: everything with a window that slides. */
import { elementTypeName } from '../schema';
import { product, value, type Dim, type Rule, type RuleNode, type Value } from './types';

interface Window {
  kernel: (number | null)[];
  strides: number[];
  dilations: number[];
  /** Begin and end padding together, per axis; null where `auto_pad` decides (SAME). */
  pads: number[] | null;
  begin: number[];
  ceil: boolean;
}

function windowOf(n: RuleNode, kernel: (number | null)[], rank: number): Window {
  const fill = (x: number) => new Array<number>(rank).fill(x);
  const auto = n.string('auto_pad', 'NOTSET');
  const given = n.ints('pads') ?? fill(0).concat(fill(0));
  const pads = given.slice(0, rank).map((p, i) => p + (given[i + rank] ?? 0));
  return {
    kernel,
    strides: n.ints('strides') ?? fill(1),
    dilations: n.ints('dilations') ?? fill(1),
    pads: auto.startsWith('SAME') ? null : auto === 'VALID' ? fill(0) : pads,
    begin: auto === 'NOTSET' ? given.slice(0, rank) : fill(0),
    ceil: n.int('ceil_mode', 0) !== 0,
  };
}

/** Positions of the window along one axis (https://onnx.ai/onnx/operators/onnx__MaxPool.html). */
function positions(size: Dim, axis: number, w: Window): Dim {
  const stride = w.strides[axis] ?? 1;
  const k = w.kernel[axis] ?? null;
  const pad = w.pads?.[axis];
  if (pad === undefined) {
    if (typeof size !== 'number') return stride === 1 ? size : null;
    return Math.ceil(size / stride);
  }
  if (k === null) return null;
  const extent = (k - 1) * (w.dilations[axis] ?? 1) + 1;
  if (typeof size !== 'number') return stride === 1 && pad === extent - 1 ? size : null;
  const steps = (size + pad - extent) / stride;
  let out = (w.ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // a last window that would start behind the image and its front padding is dropped
  if (w.ceil && (out - 1) * stride >= size + (w.begin[axis] ?? 0)) out--;
  return out < 0 ? null : out;
}

function sizes(dims: readonly Dim[]): (number | null)[] {
  return dims.map((d) => (typeof d === 'number' ? d : null));
}

/** X, W at given inputs: [N, M, positions…]. */
function convolution(x: Value, w: Value, n: RuleNode): Dim[] | null {
  const rank = x.shape ? x.shape.length - 2 : w.shape ? w.shape.length - 2 : -1;
  if (rank < 0 || (w.shape && w.shape.length !== rank + 2)) return null;
  const shape = x.shape ?? [null, null, ...new Array<Dim>(rank).fill(null)];
  const kernel = n.ints('kernel_shape') ?? (w.shape ? sizes(w.shape.slice(2)) : []);
  const window = windowOf(n, kernel, rank);
  const spatial = shape.slice(2).map((d, i) => positions(d, i, window));
  return [shape[0]!, w.shape?.[0] ?? null, ...spatial];
}

const conv: Rule = (n) => [value(n.input(0).type, convolution(n.input(0), n.input(1), n))];
const convInteger: Rule = (n) => [value('int32', convolution(n.input(0), n.input(1), n))];
const qlinearConv: Rule = (n) => [value(n.input(7).type, convolution(n.input(0), n.input(3), n))];

/** https://onnx.ai/onnx/operators/onnx__ConvTranspose.html */
const convTranspose: Rule = (n) => {
  const { shape: x, type } = n.input(0);
  const { shape: w } = n.input(1);
  if (!x || x.length < 3) return [value(type, null)];
  const rank = x.length - 2;
  const kernel = n.ints('kernel_shape') ?? (w ? sizes(w.slice(2)) : []);
  const window = windowOf(n, kernel, rank);
  const channels = typeof w?.[1] === 'number' ? w[1] * n.int('group', 1) : null;
  const given = n.ints('output_shape');
  const extra = n.ints('output_padding') ?? [];
  const spatial = x.slice(2).map((d, i): Dim => {
    if (given) return given[given.length - rank + i] ?? null;
    const k = window.kernel[i] ?? null;
    if (typeof d !== 'number' || k === null) return null;
    const stride = window.strides[i] ?? 1;
    if (!window.pads) return d * stride;
    const extent = (k - 1) * (window.dilations[i] ?? 1) + 1;
    return stride * (d - 1) + (extra[i] ?? 0) + extent - (window.pads[i] ?? 0);
  });
  return [value(type, [x[0]!, channels, ...spatial])];
};

function pooled(n: RuleNode): Dim[] | null {
  const { shape } = n.input(0);
  const kernel = n.ints('kernel_shape');
  if (!shape || !kernel || shape.length !== kernel.length + 2) return null;
  const window = windowOf(n, kernel, kernel.length);
  return [...shape.slice(0, 2), ...shape.slice(2).map((d, i) => positions(d, i, window))];
}

const pool: Rule = (n) => [value(n.input(0).type, pooled(n))];
const maxPool: Rule = (n) => {
  const shape = pooled(n);
  return [value(n.input(0).type, shape), value('int64', shape)];
};

const globalPool: Rule = (n) => {
  const { type, shape } = n.input(0);
  return [value(type, shape && [...shape.slice(0, 2), ...shape.slice(2).map(() => 1)])];
};

/** `output_shape` may be an input; else the inverse of the pool. */
const maxUnpool: Rule = (n) => {
  const { type, shape } = n.input(0);
  if (n.has(2)) return [value(type, n.input(2).data)];
  const kernel = n.ints('kernel_shape');
  if (!shape || !kernel) return [value(type, null)];
  const w = windowOf(n, kernel, kernel.length);
  const spatial = shape
    .slice(2)
    .map((d, i) =>
      typeof d === 'number'
        ? (d - 1) * (w.strides[i] ?? 1) + kernel[i]! - (w.pads?.[i] ?? 0)
        : null,
    );
  return [value(type, [...shape.slice(0, 2), ...spatial])];
};

const maxRoiPool: Rule = (n) => {
  const size = n.ints('pooled_shape') ?? [null, null];
  const [x, rois] = [n.input(0).shape, n.input(1).shape];
  return [value(n.input(0).type, [rois?.[0] ?? null, x?.[1] ?? null, ...size])];
};

const roiAlign: Rule = (n) => {
  const size = [n.int('output_height', 1), n.int('output_width', 1)];
  const [x, rois] = [n.input(0).shape, n.input(1).shape];
  return [value(n.input(0).type, [rois?.[0] ?? null, x?.[1] ?? null, ...size])];
};

/** https://onnx.ai/onnx/operators/onnx__Col2Im.html */
const col2Im: Rule = (n) => {
  const { type, shape } = n.input(0);
  const image = n.input(1).data;
  const block = n.input(2).data && product(n.input(2).data!);
  if (!image) return [value(type, null)];
  const columns = shape?.[1];
  const channels = typeof columns === 'number' && block ? columns / block : null;
  return [value(type, [shape?.[0] ?? null, channels, ...image])];
};

const gridSample: Rule = (n) => {
  const [x, grid] = [n.input(0).shape, n.input(1).shape];
  if (!x || !grid) return [value(n.input(0).type, null)];
  return [value(n.input(0).type, [x[0]!, x[1]!, ...grid.slice(1, -1)])];
};

const affineGrid: Rule = (n) => {
  const size = n.input(1).data;
  if (!size) return [value(n.input(0).type, null)];
  return [value(n.input(0).type, [size[0]!, ...size.slice(2), size.length - 2])];
};

const crop: Rule = (n) => {
  const { type, shape } = n.input(0);
  const border = n.ints('border') ?? [];
  const size = n.ints('scale');
  if (shape?.length !== 4 || border.length !== 4) return [value(type, null)];
  const [h, w] = shape.slice(2) as [Dim, Dim];
  const cut = (d: Dim, by: number) => (typeof d === 'number' ? d - by : null);
  const spatial = size ?? [cut(h, border[1]! + border[3]!), cut(w, border[0]! + border[2]!)];
  return [value(type, [shape[0]!, shape[1]!, ...spatial])];
};

const quantizedGlobalPool: Rule = (n) => (n.int('channels_last', 0) ? [] : globalPool(n));
const quantizedPool: Rule = (n) => (n.int('channels_last', 0) ? [] : pool(n));

/** `dtype` attributes of the operators that make images and noise. */
const imageDecoder: Rule = () => [value(elementTypeName(2), [null, null, 3])];

export const windowRules: Record<string, Rule> = {
  Conv: conv,
  ConvInteger: convInteger,
  QLinearConv: qlinearConv,
  DeformConv: conv,
  ConvTranspose: convTranspose,
  'com.microsoft:FusedConv': conv,
  MaxPool: maxPool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  'com.microsoft:QLinearGlobalAveragePool': quantizedGlobalPool,
  'com.microsoft:QLinearAveragePool': quantizedPool,
  MaxUnpool: maxUnpool,
  MaxRoiPool: maxRoiPool,
  RoiAlign: roiAlign,
  Col2Im: col2Im,
  GridSample: gridSample,
  AffineGrid: affineGrid,
  Crop: crop,
  ImageDecoder: imageDecoder,
};
