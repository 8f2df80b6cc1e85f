import type { ExactOutputs, OutputNoise } from '../../src/analyze/output-sums';
import { eachLayer, outputNoise, type LayerLoop } from '../../src/analyze/sensitivity';
import type { Feed, Model } from '../../src/onnx';
import { onlyThisModel, type ExperimentSettings } from '../../src/quantize/experiments';
import type { UnitPlacement } from '../../src/quantize/placement';

/** Noise at the output when one layer alone is quantized, for every integer layer, each in a model of its own. */
export async function onlyThisNoise(
  prepared: Model,
  placements: readonly UnitPlacement[],
  settings: ExperimentSettings,
  feeds: readonly Feed[],
  exact: ExactOutputs,
  loop: LayerLoop,
): Promise<Map<string, OutputNoise>> {
  const units = new Map(placements.filter((p) => p.integer).map((p) => [p.unit.name, p.unit]));
  return eachLayer([...units.keys()], loop, (name) =>
    outputNoise(onlyThisModel(prepared, units.get(name)!, settings), feeds, exact),
  );
}
