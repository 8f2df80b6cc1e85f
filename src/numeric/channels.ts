/** A row-major tensor seen as `outer × channels × inner`, where `channels` is the length of one axis. */
export interface ChannelLayout {
  outer: number;
  channels: number;
  inner: number;
}

/**
 * How the elements of each channel lie in a row-major tensor of shape `dims`: element `i` belongs to
 * channel `floor(i / inner) % channels`. A negative axis counts from the end, as in ONNX.
 * @throws RangeError if the tensor has no such axis.
 */
export function channelLayout(dims: readonly number[], axis: number): ChannelLayout {
  const at = axis < 0 ? axis + dims.length : axis;
  const channels = dims[at];
  if (channels === undefined)
    throw new RangeError(`A tensor of shape [${dims.join(', ')}] has no axis ${axis}.`);
  let outer = 1;
  let inner = 1;
  dims.forEach((dim, index) => {
    if (index < at) outer *= dim;
    if (index > at) inner *= dim;
  });
  return { outer, channels, inner };
}
