/** Upsample and the first Resize become today's Resize. */
import {
  attribute,
  floatAttribute,
  floatsAttribute,
  makeFloats,
  makeString,
  removeAttribute,
  setAttribute,
  stringAttribute,
} from '../attributes';
import { label } from '../order';
import type { NodeProto } from '../schema';
import type { Adapter, AdapterTable, UpgradeContext } from './context';
import { setInput } from './inputs';

/** https://onnx.ai/onnx/operators/onnx__Upsample.html#upsample-1: two scales for NCHW images. */
const scalesOfImage: Adapter = (node) => {
  const height = floatAttribute(node, 'height_scale', 1);
  const width = floatAttribute(node, 'width_scale', 1);
  removeAttribute(node, 'height_scale');
  removeAttribute(node, 'width_scale');
  if (!attribute(node, 'scales')) setAttribute(node, makeFloats('scales', [1, 1, height, width]));
  if (stringAttribute(node, 'mode', 'nearest') === 'bilinear')
    setAttribute(node, makeString('mode', 'linear'));
};

/** Since 9 the scales are an input. */
const scalesToInput: Adapter = (node, c) => {
  const scales = floatsAttribute(node, 'scales');
  removeAttribute(node, 'scales');
  if (!scales) throw c.refuse(node, 'it has no scales');
  setInput(node, 1, c.share('scales', 'float32', [scales.length], Float32Array.from(scales)));
  c.did(node, 'scales became an input');
};

/** Resize-10 is Upsample-9 that may also shrink. */
const toResize: Adapter = (node, c) => {
  node.opType = 'Resize';
  c.did(node, 'Upsample became Resize');
  return [node];
};

/**
 * https://onnx.ai/onnx/operators/onnx__Resize.html#resize-11: inputs are X, roi, scales, sizes since 11. What 10 left unsaid
 * is what onnxruntime did: coordinates `x_out / scale`; the nearest one below where it grows, above where it
 * shrinks. One that grows along one axis and shrinks along another becomes two.
 */
const sayCoordinates: Adapter = (node, c) => {
  const [x, scalesName] = node.input as [string, string];
  const scales = c.constantValues(scalesName);
  const linear = stringAttribute(node, 'mode', 'nearest') !== 'nearest';
  const shrinks = scales?.some((s) => s < 1) ?? false;
  const grows = scales?.some((s) => s > 1) ?? true;
  if (linear || !(shrinks && grows)) {
    write(node, [x, '', scalesName], linear ? null : shrinks ? 'ceil' : 'floor', c);
    return;
  }
  const part = (keep: (s: number) => boolean) => {
    const values = Float32Array.from(scales!, (s) => (keep(s) ? s : 1));
    return c.share('scales', 'float32', [values.length], values);
  };
  const between = c.fresh(`${label(node)}_grown`);
  const first = c.node('Resize', [], [between], [...node.attribute], `${label(node)}_grow`);
  write(first, [x, '', part((s) => s > 1)], 'floor', c);
  write(node, [between, '', part((s) => s < 1)], 'ceil', c);
  return [first, node];
};

function write(node: NodeProto, inputs: string[], nearest: string | null, c: UpgradeContext): void {
  node.input = inputs;
  setAttribute(node, makeString('coordinate_transformation_mode', 'asymmetric'));
  if (nearest) setAttribute(node, makeString('nearest_mode', nearest));
  c.did(node, `coordinates are asymmetric${nearest ? `, nearest is ${nearest}` : ''}`);
}

/**
 * 13 has no `tf_half_pixel_for_nn`, which is `(x + 0.5) / scale`: rounded down it is `half_pixel` (half a pixel
 * less) rounded to the nearest, halves up.
 */
const withoutTfHalfPixel: Adapter = (node, c) => {
  const name = 'coordinate_transformation_mode';
  if (stringAttribute(node, name, 'half_pixel') !== 'tf_half_pixel_for_nn') return;
  const nearest = stringAttribute(node, 'nearest_mode', 'round_prefer_floor');
  if (stringAttribute(node, 'mode', 'nearest') !== 'nearest' || nearest !== 'floor')
    throw c.refuse(node, 'tf_half_pixel_for_nn has no successor but for nearest_mode floor');
  setAttribute(node, makeString(name, 'half_pixel'));
  setAttribute(node, makeString('nearest_mode', 'round_prefer_ceil'));
  c.did(node, 'tf_half_pixel_for_nn became half_pixel, round_prefer_ceil');
};

export const resizeAdapters: AdapterTable = {
  Upsample: [
    [7, scalesOfImage],
    [9, scalesToInput],
    [10, toResize],
  ],
  Resize: [
    [11, sayCoordinates],
    [13, withoutTfHalfPixel],
  ],
};
