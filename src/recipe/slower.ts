import type { RunResult } from '../results';
import { texts } from './describe';
import type { NamedLayer } from './match';
import type { ParseResult } from './parse';
import { problemOn } from './place';
import { rangeOf } from './positions';
import type { Problem } from './problem';
import { planOf } from './written';

/** So many are told of, those that would save most. */
const MOST = 5;

/**
 * What to know of layers that got slower than in FP32 and that the recipe as it now stands would quantize: where
 * {@link hurtDiagnostics} stands, the most to save first. Layers that share kernels are one.
 * @param layers those of the model, where they are known
 */
export function slowerDiagnostics(
  parse: ParseResult,
  { latency, layers: own }: RunResult,
  layers: readonly NamedLayer[] = own,
): Problem[] {
  const fixes = latency?.profile?.fixes ?? []; // results of older versions have none
  const plan = planOf(parse.doc, layers);
  const home =
    ['keep_fp32', 'quantization', 'model'].find((key) => rangeOf(parse.doc, [key], 'key')) ??
    'model';
  return fixes
    .filter((fix) => fix.layers.some((name) => !plan.get(name)?.keep))
    .slice(0, MOST)
    .map((fix) =>
      problemOn(parse.doc, [home], 'slower', texts.slower(fix.layers, fix.savesMs), {
        severity: 'info',
        part: 'key',
        layers: fix.layers,
      }),
    );
}
