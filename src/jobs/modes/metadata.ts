import { RANDOM_CALIBRATION } from '../../analyze/random-calibration';
import type { Plan } from '../plan';

/** How the weights of an INT8 model were chosen. */
export function weightsMetadata(plan: Plan): [key: string, value: string] {
  const { granularity } = plan.recipe.quantization.weights;
  const headroom = plan.headroom ? ', no pair can clip in 16 bits' : '';
  return ['vernier.weights', `int8 ${granularity}${headroom}`];
}

/** What the activation ranges were read from. */
export function calibrationMetadata(plan: Plan): [key: string, value: string][] {
  const { calibration } = plan.recipe;
  const ranges = calibration?.ranges ? [`ranges of ${calibration.ranges}`] : [];
  if (calibration?.statisticsFile) ranges.unshift(`statistics of ${calibration.statisticsFile}`);
  const source = calibration?.random
    ? ['random', ...ranges].join(', ')
    : [...(calibration?.data ?? []), ...ranges].join(', ');
  return [
    ['vernier.calibration', source],
    ...(calibration?.random ? [[RANDOM_CALIBRATION, 'true'] as [string, string]] : []),
  ];
}
