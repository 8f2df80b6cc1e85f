import type { Feed, InputSpec, TensorValue } from '../../onnx';

/** What may have been done to samples wrongly: how it would have been right, and what to set for it. */
export interface Hypothesis {
  code: 'scale' | 'channels' | 'layout';
  /** What training seems to have seen, e.g. `values of 0…255`. */
  meant: string;
  remedy: string;
  /** The input that is changed. */
  input: string;
  apply: (feed: Feed) => Feed;
}

/** Mean and standard deviation of ImageNet's red, green and blue, on 0…1. */
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];
const NORMALIZE =
  'subtract 0.485, 0.456, 0.406 from the channels and divide them by 0.229, 0.224, 0.225';
const RESTORE = 'multiply the channels by 0.229, 0.224, 0.225 and add 0.485, 0.456, 0.406';
const IMAGENET = 'image: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }';

/** x·factor + offset, the same for every value or one for each of three channels. */
interface Affine {
  meant: string;
  /** What to set where pictures are read, and what to do to arrays. */
  remedy: string;
  arrays: string;
  of: (channel: number) => [factor: number, offset: number];
  byChannel?: true;
}

const same =
  (factor: number, offset = 0) =>
  (): [number, number] => [factor, offset];
const imagenet = (factor: number, offset: number) => (c: number) =>
  [factor / STD[c]!, (offset - MEAN[c]!) / STD[c]!] as [number, number];

/** Values that people take for each other: 0…255, 0…1, −1…1, and those of ImageNet's mean and deviation. */
const AFFINE: readonly Affine[] = [
  {
    meant: 'values 255 times as large',
    remedy: 'Set image: { scale: 1 }.',
    arrays: 'Multiply the arrays by 255.',
    of: same(255),
  },
  {
    meant: 'values 255 times as small',
    remedy: 'Set image: { scale: 1/255 }.',
    arrays: 'Divide the arrays by 255.',
    of: same(1 / 255),
  },
  {
    meant: 'values of −1…1 instead of 0…255',
    remedy: 'Set image: { scale: 1/127.5, mean: 1 }.',
    arrays: 'Divide the arrays by 127.5 and subtract 1.',
    of: same(1 / 127.5, -1),
  },
  {
    meant: 'values of 0…255 instead of −1…1',
    remedy: 'Set image: { scale: 1 }, without mean and std.',
    arrays: 'Multiply the arrays by 127.5 and add 127.5.',
    of: same(127.5, 127.5),
  },
  {
    meant: 'values of −1…1 instead of 0…1',
    remedy: 'Set image: { scale: 1/127.5, mean: 1 }.',
    arrays: 'Multiply the arrays by 2 and subtract 1.',
    of: same(2, -1),
  },
  {
    meant: 'values of 0…1 instead of −1…1',
    remedy: 'Set image: { scale: 1/255 }, without mean and std.',
    arrays: 'Divide the arrays by 2 and add 0.5.',
    of: same(0.5, 0.5),
  },
  {
    meant: 'values of −1…1 instead of 0…2',
    remedy: 'Set image: { scale: 1/127.5, mean: 1 }.',
    arrays: 'Subtract 1 from the arrays.',
    of: same(1, -1),
  },
  {
    meant: 'values of 0…1 instead of 0…2',
    remedy: 'Set image: { scale: 1/255 }, without mean and std.',
    arrays: 'Divide the arrays by 2.',
    of: same(0.5),
  },
  {
    meant: 'ImageNet’s mean and deviation instead of 0…1',
    remedy: `Set ${IMAGENET}.`,
    arrays: `In the arrays, ${NORMALIZE}.`,
    of: imagenet(1, 0),
    byChannel: true,
  },
  {
    meant: 'ImageNet’s mean and deviation instead of 0…255',
    remedy: `Set ${IMAGENET}.`,
    arrays: `Divide the arrays by 255; then ${NORMALIZE}.`,
    of: imagenet(1 / 255, 0),
    byChannel: true,
  },
  {
    meant: 'ImageNet’s mean and deviation instead of −1…1',
    remedy: `Set ${IMAGENET}.`,
    arrays: `Divide the arrays by 2 and add 0.5; then ${NORMALIZE}.`,
    of: imagenet(0.5, 0.5),
    byChannel: true,
  },
  {
    meant: 'values of 0…1 instead of ImageNet’s mean and deviation',
    remedy: 'Set image: { scale: 1/255 }, without mean and std.',
    arrays: `In the arrays, ${RESTORE}.`,
    of: (c) => [STD[c]!, MEAN[c]!],
    byChannel: true,
  },
  {
    meant: 'values of 0…255 instead of ImageNet’s mean and deviation',
    remedy: 'Set image: { scale: 1 }, without mean and std.',
    arrays: `In the arrays, ${RESTORE}; then multiply them by 255.`,
    of: (c) => [255 * STD[c]!, 255 * MEAN[c]!],
    byChannel: true,
  },
];

/**
 * What may be wrong with the samples of a model; only its float32 inputs are looked at.
 * @param pictures the samples are read from pictures, as `image:` says; else from arrays, which it leaves as they are
 */
export function hypotheses(
  inputs: readonly InputSpec[],
  sample: Feed,
  pictures: boolean,
): Hypothesis[] {
  return inputs
    .filter(({ type }) => type === 'float32')
    .flatMap(({ name }) => [
      ...channelHypotheses(name, sample[name]!, pictures),
      ...AFFINE.filter((a) => !a.byChannel || colourAxis(sample[name]!) !== null).map(
        ({ meant, remedy, arrays, of }): Hypothesis => ({
          code: 'scale',
          meant,
          remedy: pictures ? remedy : arrays,
          input: name,
          apply: changed(name, (value) => mapped(value, of)),
        }),
      ),
    ]);
}

/** Channels in the other order, and pixels in the other layout, for inputs that look like colour images. */
function channelHypotheses(input: string, value: TensorValue, pictures: boolean): Hypothesis[] {
  const axis = colourAxis(value);
  if (axis === null) return [];
  const first = axis === 1;
  return [
    {
      code: 'channels',
      meant: 'the channels in the other order (RGB and BGR are swapped)',
      remedy: pictures
        ? 'Set image: { color: bgr }, or rgb where it is bgr.'
        : 'Put the channels of the arrays into the other order.',
      input,
      apply: changed(input, (v) => permuted(v, (channel) => 2 - channel)),
    },
    {
      code: 'layout',
      meant: first
        ? 'channels first: the values lie channels last'
        : 'channels last: the values lie channels first',
      remedy: first ? 'Transpose the arrays to N×C×H×W.' : 'Transpose the arrays to N×H×W×C.',
      input,
      apply: changed(input, (v) => laidOut(v, axis)),
    },
  ];
}

/** The axis of three channels of an image of more than one pixel; null where there is none. */
export function colourAxis({ dims }: TensorValue): 1 | 3 | null {
  if (dims.length !== 4) return null;
  if (dims[1] === 3 && dims[2]! * dims[3]! > 64) return 1;
  return dims[3] === 3 && dims[1]! * dims[2]! > 64 ? 3 : null;
}

function changed(input: string, change: (value: TensorValue) => TensorValue) {
  return (feed: Feed): Feed => ({ ...feed, [input]: change(feed[input]!) });
}

/** How many values of one channel lie side by side. */
function runOf(value: TensorValue): number {
  return colourAxis(value) === 3 ? 1 : value.dims.slice(2).reduce((a, b) => a * b, 1);
}

function mapped(value: TensorValue, of: Affine['of']): TensorValue {
  const from = value.data as Float32Array;
  const data = new Float32Array(from.length);
  const run = runOf(value);
  const [factors, offsets] = [0, 1].map((k) => [0, 1, 2].map((c) => of(c)[k]!));
  for (let start = 0, c = 0; start < from.length; start += run, c = (c + 1) % 3) {
    const [factor, offset] = [factors![c]!, offsets![c]!];
    const end = Math.min(from.length, start + run);
    for (let i = start; i < end; i++) data[i] = from[i]! * factor + offset;
  }
  return { ...value, data };
}

function permuted(value: TensorValue, to: (channel: number) => number): TensorValue {
  const from = value.data as Float32Array;
  const data = new Float32Array(from.length);
  const run = runOf(value);
  for (let start = 0; start < from.length; start += 3 * run)
    for (let c = 0; c < 3; c++) {
      const [here, there] = [start + c * run, start + to(c) * run];
      for (let i = 0; i < run; i++) data[here + i] = from[there + i]!;
    }
  return { ...value, data };
}

/** Values that lie the one way, where the shape says the other. */
function laidOut(value: TensorValue, axis: 1 | 3): TensorValue {
  const from = value.data as Float32Array;
  const data = new Float32Array(from.length);
  const pixels = axis === 1 ? value.dims[2]! * value.dims[3]! : value.dims[1]! * value.dims[2]!;
  for (let start = 0; start < from.length; start += 3 * pixels)
    for (let p = 0; p < pixels; p++)
      for (let c = 0; c < 3; c++) {
        const [first, last] = [start + c * pixels + p, start + p * 3 + c];
        if (axis === 1) data[first] = from[last]!;
        else data[last] = from[first]!;
      }
  return { ...value, data };
}
