import { spread } from '../../data';
import type { Feed, InputSpec, Model } from '../../onnx';
import type { Note, TrainingLikeness } from '../../results';
import { FirstBatchNorm } from './batch-norm';
import { colourAxis, hypotheses, type Hypothesis } from './hypotheses';

/** From this divergence on, samples are not like those of training. Right ones of four networks have at most 0.14. */
const UNLIKE = 0.3;
/** A change of scale or layout has to bring it below this and down to this share to be proposed, */
const LIKE = 0.2;
const EXPLAINS = 1 / 3;
/** and swapped channels, which change little, to this share of at least so much on at least so many samples. */
const SWAP_EXPLAINS = 0.5;
const SWAP_LEAST = 0.005;
const SWAP_SAMPLES = 8;
/** Values of pixels side by side that differ by less than this share of values of other channels, in the wrong layout. */
const INTERLEAVED = 0.8;

/** At least so many samples are looked at, and more as long as they are small: up to so many, and so many values. */
const [FEWEST, MOST] = [16, 128];
const VALUES = FEWEST * 3 * 224 * 224;

/** So many times as many before few samples are called unlike: 16 right ones of mobilenet may have 0.4, where all have 0.12. */
const AGAIN = 4;

/**
 * Which of `count` samples are looked at, spread over all of them: data often lies class by class.
 * @param again where they seem to be unlike, and chance is to be ruled out
 */
export function likenessPositions(count: number, sample: Feed, again = false): number[] {
  const each = Object.values(sample).reduce((sum, { data }) => sum + data.length, 0);
  const few = Math.max(FEWEST, Math.min(MOST, Math.floor(VALUES / each)));
  return spread(count, again ? AGAIN * few : few);
}

/**
 * Compares samples with what the model saw in training: their mean and variance at its first BatchNormalization with the
 * running ones. Where they differ, it tries what people get wrong (scale, order of the channels, layout) and says what
 * explains it. Null where the model has no such node.
 * @param pictures whether the samples are read from pictures: what to do about it differs
 * @param more of them, for where these seem unlike: that may be chance
 */
export async function trainingLikeness(
  model: Model,
  inputs: readonly InputSpec[],
  samples: readonly Feed[],
  more?: () => Promise<readonly Feed[]>,
  pictures = true,
): Promise<TrainingLikeness | null> {
  const first = samples.length > 0 ? await FirstBatchNorm.open(model) : null;
  if (!first) return null;
  try {
    const few = await first.compare(samples);
    if (!few) return null;
    let told = { ...few, samples: samples.length };
    if (few.divergence >= UNLIKE && more) {
      const others = await more();
      told = { ...((await first.compare(others)) ?? few), samples: others.length };
    }
    let best: { found: Hypothesis; divergence: number } | null = null;
    for (const hypothesis of hypotheses(inputs, samples[0]!, pictures)) {
      const swap = hypothesis.code === 'channels';
      if (swap ? few.divergence < SWAP_LEAST : told.divergence < UNLIKE) continue;
      if (swap && samples.length < SWAP_SAMPLES) continue;
      const other = await first.compare(samples.map(hypothesis.apply));
      const most = Math.min(few.divergence * (swap ? SWAP_EXPLAINS : EXPLAINS), LIKE);
      if (other && other.divergence <= Math.min(most, best?.divergence ?? Infinity))
        best = { found: hypothesis, divergence: other.divergence };
    }
    // what explains it does so on the few
    if (best) told = { ...few, samples: samples.length };
    return {
      node: first.node,
      ...told,
      unlike: told.divergence >= UNLIKE,
      suspicion: best && {
        code: best.found.code,
        input: best.found.input,
        meant: best.found.meant,
        remedy: best.found.remedy,
        divergence: best.divergence,
      },
    };
  } finally {
    await first.release();
  }
}

/** What a reader must know of it; nothing where the samples are like those of training. */
export function likenessNotes(likeness: TrainingLikeness | null): Note[] {
  if (!likeness || (!likeness.unlike && !likeness.suspicion)) return [];
  const { node, samples, divergence, shift, variance, suspicion } = likeness;
  const off = `at '${node}' the middle channel's mean is ${shift.toPrecision(2)} standard deviations off and its variance ${variance.toPrecision(2)} × what training saw (divergence ${divergence.toPrecision(2)}, ${samples} samples)`;
  if (!suspicion)
    return [
      {
        code: 'calibration-unlike-training',
        severity: 'warning',
        message: `The calibration data is not like what the model was trained on: ${off}.`,
        layer: node,
        remedy:
          'Check how the samples are prepared: scale, mean and std, order of channels, layout.',
      },
    ];
  return [
    {
      code: `calibration-wrong-${suspicion.code}`,
      severity: 'warning',
      message: `The model seems to have been trained on ${suspicion.meant}: ${off}; so changed, the divergence is ${suspicion.divergence.toPrecision(2)}.`,
      layer: node,
      tensor: suspicion.input,
      remedy: suspicion.remedy,
    },
  ];
}

/**
 * Inputs of three channels first in which neighbouring values are pixels' channels, not pixels side by side: pictures are
 * smooth along rows, so values three apart are then closer than neighbours.
 */
export function interleavedInputs(samples: readonly Feed[]): string[] {
  const [first] = samples;
  if (!first) return [];
  return Object.keys(first).filter((name) => {
    let [near, three] = [0, 0];
    for (const feed of samples) {
      const value = feed[name]!;
      if (!(value.data instanceof Float32Array) || colourAxis(value) !== 1) return false;
      const { data } = value;
      for (let i = 3; i < data.length; i++) {
        near += Math.abs(data[i]! - data[i - 1]!);
        three += Math.abs(data[i]! - data[i - 3]!);
      }
    }
    return near > 0 && three < INTERLEAVED * near;
  });
}

/** The same in words. */
export function layoutNotes(inputs: readonly string[]): Note[] {
  return inputs.map((tensor) => ({
    code: 'calibration-wrong-layout',
    severity: 'warning',
    message: `Input '${tensor}' has channels first, but its values seem to lie channels last: values three apart are closer to each other than neighbours.`,
    tensor,
    remedy: 'Transpose the arrays to N×C×H×W.',
  }));
}
