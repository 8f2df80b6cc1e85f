/** The recipe's own metric with one layer quantized, and with one layer kept. */
import path from 'node:path';
import { gainOf } from '../../analyze/accuracy';
import type { Evaluation } from '../../analyze/evaluate';
import type { Metric } from '../../data';
import { VernierError } from '../../errors';
import type { Model } from '../../onnx';
import { onlyThisModel } from '../../quantize/experiments';
import type { AccuracyResult } from '../../results';
import type { LayerSensitivityRow } from '../../results-sensitivity';
import { openModel } from '../../runtime/open-model';
import { runtimeVersion } from '../../runtime/session';
import { ENGINE_VERSION, fileKey, keyOf } from '../keys';
import { openMetric } from '../metric';
import { modeOf } from '../modes';
import { evaluateStage } from '../stages/evaluate';
import { experimentSettings, quantizeStage } from '../stages/quantize';
import { writeStage } from '../stages/write';
import type { Study } from '../study';

/** What metrics of layers were measured. */
export interface LayerMetrics {
  whole: AccuracyResult | null;
  layers: Map<string, NonNullable<LayerSensitivityRow['metric']>>;
  /** Evaluations that are known. */
  measured: number;
}

/** What was measured of one model; the score of each of its samples is kept for differences to other models. */
interface Measured {
  accuracy: AccuracyResult;
  scores: unknown[];
}

/** The metric that the recipe names, or its labels ask for. Throws `recipe.schema` where there is none, and `metric.*`. */
export async function wantedMetric({ plan, evaluation }: Study): Promise<Metric> {
  const metric = await openMetric(plan, evaluation.labels);
  if (metric) return metric;
  throw new VernierError('recipe.schema', 'The recipe has no metric to compare layers by.', {
    file: plan.recipePath,
    remedy: 'Add evaluate: { labels: … }, or a metric that needs none: sqnr, agreement.',
  });
}

/**
 * Evaluates the quantized model, then for one layer after the other the FP32 model with only it quantized and the quantized
 * model with just it in FP32, over the whole evaluation set, until the time is over. Each evaluation is stored by the content of
 * all that it depends on. Intervals are those of paired differences to FP32, and of what keeping a layer buys those of paired
 * differences to the whole quantized model.
 */
export async function metricsOfLayers(
  study: Study,
  metric: Metric,
  layers: readonly string[],
  over: () => boolean,
): Promise<LayerMetrics> {
  const { context } = study;
  const name = `layer-metrics.${await metricKey(study, metric)}`;
  const known =
    (await context.store.readState<Map<string, Measured>>(name)) ?? new Map<string, Measured>();
  const measure = async (what: string, withModel: WithModel): Promise<Measured | null> => {
    const before = known.get(what);
    if (before || over()) return before ?? null;
    const { accuracy, scores } = await withModel((model) => evaluationOf(study, model));
    const found = { accuracy: accuracy!, scores: scores!.after };
    known.set(what, found);
    await context.store.writeState(name, known);
    return found;
  };
  const whole = await measure('', (use) => use(study.quantized.model));
  const found: LayerMetrics = {
    whole: whole?.accuracy ?? null,
    layers: new Map(),
    measured: whole ? 1 : 0,
  };
  for (const layer of layers) {
    const onlyThis = await measure(`only ${layer}`, (use) => onlyThisLayer(study, layer, use));
    const allButThis = await measure(`but ${layer}`, (use) => allButLayer(study, layer, use));
    found.measured += Number(onlyThis !== null) + Number(allButThis !== null);
    const buys = whole && allButThis && gainOf(metric, whole.scores, allButThis.scores);
    found.layers.set(layer, {
      onlyThis: onlyThis?.accuracy ?? null,
      allButThis: allButThis?.accuracy ?? null,
      buys,
    });
  }
  return found;
}

/** Gives a model for as long as it is used. */
type Use = (model: Model) => Promise<Evaluation>;
type WithModel = (use: Use) => Promise<Evaluation>;

async function onlyThisLayer(study: Study, layer: string, use: Use): Promise<Evaluation> {
  const { plan, subject, calibrated, quantized } = study;
  const unit = subject.units.find((u) => u.name === layer)!;
  if (modeOf(plan.recipe.quantization.mode).experiments === 'twin' && !unit.body) {
    const settings = experimentSettings(plan, subject, calibrated, quantized);
    return use(onlyThisModel(subject.prepared, unit, settings));
  }
  const others = new Set(subject.units.map((u) => u.name).filter((name) => name !== layer));
  const alone = await quantizeStage(plan, subject, calibrated, others);
  return use(alone.model).finally(() => alone.release());
}

async function allButLayer(study: Study, layer: string, use: Use): Promise<Evaluation> {
  const { plan, subject, samples, calibrated, context } = study;
  const kept = await writeStage(
    plan,
    subject,
    samples.calibration,
    calibrated,
    context,
    new Set([layer]),
  );
  return use(kept.model).finally(() => kept.release());
}

async function evaluationOf(study: Study, model: Model): Promise<Evaluation> {
  const session = await openModel(model);
  try {
    return await evaluateStage(study, { session, model });
  } finally {
    await session.release();
  }
}

/** All that a metric of a layer depends on. */
async function metricKey(study: Study, metric: Metric): Promise<string> {
  const { plan, subject, calibrated, evaluation, quantized } = study;
  const { quantization, keepFp32, layers, evaluate } = plan.recipe;
  const labels = evaluate?.labels
    ? await fileKey(path.resolve(plan.baseDir, evaluate.labels))
    : null;
  return keyOf(
    ...['layer-metrics', ENGINE_VERSION, runtimeVersion(), metric.key, labels],
    ...[subject.key, calibrated?.key ?? null, evaluation.key],
    ...[plan.target, plan.activationType, plan.headroom, quantization, keepFp32, layers],
    quantized.aloneBiases !== undefined,
  );
}
