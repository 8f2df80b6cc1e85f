import type { LayerResult, RunResult } from '../results';
import { texts } from './describe';
import type { NamedLayer } from './match';
import type { ParseResult } from './parse';
import { problemOn } from './place';
import { rangeOf } from './positions';
import type { Problem } from './problem';
import { planOf } from './written';

/** The layers that hurt, worst first: by what they cost where that was measured of all, else by their noise. */
export function hurtingLayers(result: RunResult): LayerResult[] {
  const hurting = result.layers.filter(({ hurts }) => hurts);
  const measured = hurting.every(({ costsDb }) => costsDb !== null);
  const weight = ({ costsDb, noiseShare }: LayerResult) => (measured ? costsDb : noiseShare) ?? 0;
  return hurting.sort((a, b) => weight(b) - weight(a));
}

/**
 * A warning for each layer that hurts and that the recipe as it now stands would quantize: on `keep_fp32:`,
 * or where there is none on `quantization:`, or on `model:`; worst first. `layers` are the model's, where they are known: they also know the names of absorbed nodes.
 */
export function hurtDiagnostics(
  parse: ParseResult,
  result: RunResult,
  layers: readonly NamedLayer[] = result.layers,
): Problem[] {
  const plan = planOf(parse.doc, layers);
  const home =
    ['keep_fp32', 'quantization', 'model'].find((key) => rangeOf(parse.doc, [key], 'key')) ??
    'model';
  return hurtingLayers(result)
    .filter(({ name }) => !plan.get(name)?.keep)
    .map(({ name, costsDb, noiseShare, noiseShareBy = 'exact' }) => {
      const text =
        costsDb !== null
          ? texts.costsDb(name, costsDb)
          : noiseShare !== null
            ? texts.noiseShare(name, noiseShare, noiseShareBy ?? 'exact')
            : texts.hurts(name);
      return problemOn(parse.doc, [home], 'hurts', text, {
        severity: 'warning',
        part: 'key',
        layer: name,
      });
    });
}
