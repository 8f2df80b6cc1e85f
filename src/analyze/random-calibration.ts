import path from 'node:path';
import type { Model } from '../onnx';
import type { Note } from '../results';

/** The entry of `metadata_props` that marks a written model whose ranges come from random data. */
export const RANDOM_CALIBRATION = 'vernier.calibration.random';

/** The note for a model that carries the mark of random data; none for others. */
export function calibratedOnRandom(model: Model): Note[] {
  if (model.metadata(RANDOM_CALIBRATION) !== 'true') return [];
  const name = model.file === null ? 'The model' : `'${path.basename(model.file)}'`;
  return [
    {
      code: 'random-calibration',
      severity: 'warning',
      message: `${name} was calibrated on random data: its ranges, and what they do to accuracy, say nothing about real inputs.`,
      ...(model.file === null ? {} : { file: model.file }),
      remedy:
        'Quantize the FP32 model that it was made from again, on real samples: calibration: { data: … }.',
    },
  ];
}
