/** What a data source is, whatever it reads: a list of samples, each of them one feed of a session. */
import type { Feed, InputSpec } from '../onnx/value';
import type { Note } from '../results';

export type { Feed, InputSpec, TensorValue } from '../onnx/value';

/** Filters by Pillow's names and meaning (antialiased, except `nearest`). */
export type FilterName = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

/** What becomes of an image before it enters the model; in this order. */
export interface ImageSettings {
  /** New length of the shorter side, or [width, height]. */
  resize?: number | readonly [number, number];
  /** Side of the centre square, or [width, height] of the centre. */
  crop?: number | readonly [number, number];
  /** Default bilinear. */
  filter?: FilterName;
  /** Default by the channels of the input: 1 gray, 3 rgb. `y` is the luma of YCbCr. */
  color?: 'rgb' | 'bgr' | 'gray' | 'y';
  /** Multiplies the bytes; default 1/255 (a number or a fraction as text). `1` keeps 0…255. */
  scale?: number | string;
  /** Subtracted after scaling, for every channel or one by one. Default 0. */
  mean?: number | readonly number[];
  /** Divides after that. Default 1. */
  std?: number | readonly number[];
  /** Default by the shape of the input. */
  layout?: 'nchw' | 'nhwc';
}

/** What a model leaves open about an input, as the recipe's `inputs:` gives it. */
export interface InputHint {
  shape?: readonly number[];
  /** Both ends belong to it. */
  range?: readonly [number, number];
}

/** What the recipe says about data. */
export interface DataSpec {
  /** Path, glob or list of them, relative to `baseDir`; or `random`. */
  data: string | readonly string[];
  image?: ImageSettings;
  /** At most that many, spread evenly over what is there ({@link spread}); default all (random: 128). */
  samples?: number;
  /** Of `random`; default 0. */
  seed?: number;
  /** The folder of the recipe. */
  baseDir: string;
  /** The model's inputs without its initializers, in graph order. */
  inputs: readonly InputSpec[];
  /** `inputs:` of the recipe. */
  inputShapes?: Readonly<Record<string, InputHint>>;
}

/** Where a sample came from. */
export interface Origin {
  /** Absolute path; null for random data. */
  file: string | null;
  /** Index within the file; null where the file is one sample. */
  index: number | null;
}

/** A sample that is kept in as little memory as its source can. */
export interface Held {
  bytes: number;
  /** The same as reading the sample again. */
  feed(): Feed;
}

/** Samples to calibrate or evaluate on. Nothing is kept between calls but what a whole file needs. */
export interface SampleSource {
  /** What the recipe named. */
  readonly name: string;
  /** Samples to use. */
  readonly count: number;
  /** Samples there are. */
  readonly total: number;
  /** True for random data, which must be said wherever its results are shown. */
  readonly random: boolean;
  /** True where every call of {@link sample} makes arrays that nobody else has. */
  readonly fresh: boolean;
  /** Names of the classes, where the folders say them (one folder per class), in label order. */
  readonly classes: readonly string[] | null;
  /** What the samples read so far gave reason to say: NaNs, guessed image settings. */
  readonly notes: readonly Note[];
  /**
   * Reads sample `i` (0…count − 1) for all inputs; any order, any number of times, always the same values.
   * @throws VernierError `data.*` with file and tensor.
   */
  sample(i: number): Promise<Feed>;
  /** Reads sample `i` to be had again without reading. Throws what {@link sample} throws. */
  hold(i: number): Promise<Held>;
  origin(i: number): Origin;
  /** Index of sample `i` among all there are: what a labels file counts. */
  position(i: number): number;
  /** Label of sample `i` from its class folder; null where folders say nothing. */
  classOf(i: number): number | null;
  /** Hash of the contents and settings: equal keys give equal samples. */
  key(): Promise<string>;
}

/** Samples of one kind before selection and checks: what each reader implements. */
export interface RawSource {
  readonly total: number;
  readonly random?: boolean;
  readonly fresh?: boolean;
  readonly classes?: readonly string[] | null;
  readonly notes?: readonly Note[];
  sample(position: number): Promise<Feed>;
  /** Where a sample can be kept in less than its feed. */
  hold?(position: number): Promise<Held>;
  origin(position: number): Origin;
  classOf?(position: number): number | null;
  /** What the samples depend on: files by content, and anything else. */
  readonly files: readonly string[];
  readonly settings: unknown;
}
