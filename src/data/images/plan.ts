import { VernierError } from '../../errors';
import { wrongShape } from '../shapes';
import type { ImageSettings, InputSpec } from '../source';
import { byteTable } from './scale';

/** How pictures become one input: the recipe's settings with every gap filled. */
export interface ImagePlan {
  input: InputSpec;
  /** New length of the shorter side, or [width, height]. */
  resize: number | readonly [number, number] | null;
  /** [width, height]. */
  crop: readonly [number, number] | null;
  /**
   * [width, height] of the input where the recipe says nothing about size: pictures of another size are scaled to
   * cover it and cropped. Whoever does so says it.
   */
  cover: readonly [number, number] | null;
  filter: NonNullable<ImageSettings['filter']>;
  color: NonNullable<ImageSettings['color']>;
  layout: NonNullable<ImageSettings['layout']>;
  /** For each channel of the input, what every byte becomes. */
  tables: Float32Array[];
}

/** Lengths that an axis of channels has. */
const isChannels = (length: unknown) => length === 1 || length === 3;

/**
 * Fills the gaps of the settings from the input's shape: layout and colour by the axis of length 1 or 3; and,
 * where neither `resize` nor `crop` is given and the input has a fixed size, pictures that cover it.
 * @param file what errors name
 * @throws VernierError `data.wrong-shape` if the input takes no pictures, `data.wrong-type` if it is not
 * float32, float16 or uint8, `recipe.schema` for means of another number of channels or a scale that is no number.
 */
export function planImages(settings: ImageSettings, input: InputSpec, file: string): ImagePlan {
  const { type, shape } = input;
  if (type !== 'float32' && type !== 'float16' && type !== 'uint8')
    throw new VernierError(
      'data.wrong-type',
      `Pictures become float32, float16 or uint8, and input '${input.name}' is ${type}.`,
      { file, tensor: input.name, remedy: 'Give the data as .npy or .npz.' },
    );
  if (shape.length !== 3 && shape.length !== 4)
    throw wrongShape(
      file,
      input,
      'Pictures have channels, a height and a width.',
      'Give the data as .npy or .npz.',
    );
  const [first, second, third] = shape.slice(-3);
  const layout = settings.layout ?? (!isChannels(first) && isChannels(third) ? 'nhwc' : 'nchw');
  const [channels, height, width] =
    layout === 'nchw' ? [first, second, third] : [third, first, second];
  const color = settings.color ?? (channels === 1 ? 'gray' : 'rgb');
  const count = color === 'rgb' || color === 'bgr' ? 3 : 1;
  const fixed = typeof width === 'number' && typeof height === 'number';
  const silent = settings.resize === undefined && settings.crop === undefined;
  return {
    input,
    resize: settings.resize ?? null,
    crop:
      typeof settings.crop === 'number' ? [settings.crop, settings.crop] : (settings.crop ?? null),
    cover: silent && fixed ? [width, height] : null,
    filter: settings.filter ?? 'bilinear',
    color,
    layout,
    tables: Array.from({ length: count }, (_, channel) =>
      byteTable({
        scale: settings.scale ?? (type === 'uint8' ? 1 : 1 / 255),
        mean: ofChannel('mean', settings.mean ?? 0, channel, count),
        std: ofChannel('std', settings.std ?? 1, channel, count),
      }),
    ),
  };
}

function ofChannel(
  key: 'mean' | 'std',
  value: number | readonly number[],
  channel: number,
  count: number,
): number {
  if (typeof value === 'number') return value;
  const one = value.length === 1 ? value[0] : value[channel];
  if (one === undefined || (value.length !== 1 && value.length !== count))
    throw new VernierError(
      'recipe.schema',
      `image.${key} has ${value.length} numbers, and the pictures have ${count} channels.`,
      { remedy: `Give one number, or one for each channel.` },
    );
  return one;
}
