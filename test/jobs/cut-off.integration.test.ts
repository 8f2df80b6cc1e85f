/** Every computation that is kept on its way gives, cut off after any step and gone on with, the very same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../src/analyze/evaluate';
import { executingNodes } from '../../src/analyze/executed';
import { accumulatedErrors, localErrors } from '../../src/analyze/layer-errors';
import { OutputDifference, type OutputDifferenceData } from '../../src/analyze/output-difference';
import { wholeSums } from '../../src/analyze/sensitivity';
import { pairLayers, runPairs } from '../../src/analyze/without-vnni';
import { builtInMetric } from '../../src/data';
import { Memory } from '../../src/jobs/memory';
import { weightSettings } from '../../src/jobs/modes/static';
import { openJob } from '../../src/jobs/open-job';
import { experimentUnits } from '../../src/jobs/stages/layers';
import { experimentSettings } from '../../src/jobs/stages/quantize';
import { openStudy, type Study } from '../../src/jobs/study';
import { serializeModel } from '../../src/onnx';
import { correctBiases, meanOutputs, takesBias } from '../../src/quantize/bias-correction';
import { compareFixed } from '../../src/quantize/fixed/compare';
import { readFixedProgram } from '../../src/quantize/fixed/read';
import { correctAlone } from '../../src/quantize/own-correction';
import { openModel } from '../../src/runtime/open-model';
import { optimizedGraph } from '../../src/runtime/optimized';
import { cutEverywhere } from '../lib/cut';
import { temporaryFolder } from '../lib/files';
import { project } from '../lib/project';

const folder = temporaryFolder();

async function study(name: string, changes: object = {}): Promise<Study> {
  const { recipePath, write } = await project(folder, name);
  write(changes);
  const { plan, subject, context } = await openJob({ recipePath }, new Memory(), {
    progress: () => undefined,
  });
  return openStudy(plan, subject, context);
}

describe('cut off after any step', () => {
  let s: Study;
  beforeAll(async () => {
    s = await study('static');
  }, 60_000);
  afterAll(() => s.quantized.release());

  it('means before correction', async () => {
    const { subject, layerSamples } = s;
    const { steps } = await cutEverywhere((resume) =>
      meanOutputs(subject.prepared, subject.units.filter(takesBias), layerSamples.feeds, resume),
    );
    expect(steps).toBe(8);
  });

  it('bias correction', async () => {
    const { plan, subject, quantized, layerSamples } = s;
    const { whole, steps } = await cutEverywhere((resume) =>
      correctBiases(subject.prepared, quantized.placement!, layerSamples.feeds, {
        paramsOf: (tensor) => quantized.params.get(tensor)!,
        activationType: plan.activationType,
        weightSettings: weightSettings(plan, quantized.headroom),
        resume,
      }),
    );
    // one before each layer but the first
    expect(steps).toBeGreaterThanOrEqual(3);
    expect(whole.changes.size).toBe(3);
  });

  it('biases of layers alone', async () => {
    const { plan, subject, calibrated, quantized, layerSamples } = s;
    const units = experimentUnits(plan, subject, quantized);
    const settings = experimentSettings(plan, subject, calibrated, quantized);
    const { steps } = await cutEverywhere((resume) =>
      correctAlone(subject.prepared, units, layerSamples.feeds, settings, 'all', resume),
    );
    expect(steps).toBe(8);
  });

  it('local errors', async () => {
    const { plan, subject, calibrated, quantized, layerSamples } = s;
    const units = experimentUnits(plan, subject, quantized);
    const settings = experimentSettings(plan, subject, calibrated, quantized);
    const { whole } = await cutEverywhere((resume) =>
      localErrors(subject.prepared, units, settings, layerSamples.feeds, undefined, resume),
    );
    expect(whole.get('conv1')!.byChannel).toHaveLength(8);
  });

  it('accumulated errors', async () => {
    const { subject, quantized, layerSamples } = s;
    const { whole } = await cutEverywhere((resume) =>
      accumulatedErrors(
        subject.prepared,
        quantized.model,
        subject.units,
        (tensor) => quantized.codesOf(tensor),
        () => layerSamples.feeds,
        undefined,
        resume,
      ),
    );
    expect(whole.get('conv1')!.utilisation).toBeGreaterThan(0);
  });

  it('a whole model on samples', async () => {
    const { quantized, layerSamples, exact } = s;
    const { whole } = await cutEverywhere((resume) =>
      wholeSums(quantized.model, layerSamples.feeds, exact, resume),
    );
    expect(whole.noise.noise).toBeGreaterThan(0);
  });

  it('evaluation', async () => {
    const { quantized, evaluation, reference } = s;
    const { source, indices, labels } = evaluation;
    const session = await openModel(quantized.model);
    const set = {
      count: indices.length,
      sample: (i: number) => source.sample(indices[i]!),
      labels,
    };
    const { whole, steps } = await cutEverywhere((resume) =>
      evaluate(
        session,
        (i, feed) => reference.of(i, feed),
        set,
        builtInMetric('top1'),
        undefined,
        resume,
      ),
    );
    await session.release();
    expect(steps).toBe(24);
    expect(whole.accuracy!.n).toBe(24);
  });

  it('the arithmetic without VNNI', async () => {
    const { subject, quantized, layerSamples } = s;
    const optimized = await optimizedGraph(serializeModel(quantized.model));
    const nodes = executingNodes(optimized, subject.units, subject.prepared);
    const layers = pairLayers(optimized, new Map([...nodes].map(([n, node]) => [n, [node]])));
    const settings = { arithmetic: 'clipped', nativeClips: false } as const;
    const { whole } = await cutEverywhere((resume) =>
      runPairs(optimized, layers, layerSamples.feeds, settings, undefined, resume),
    );
    expect(whole.outputs[0]).toHaveProperty('scores');
  });

  it('differences at outputs', async () => {
    const { quantized, layerSamples, reference } = s;
    const session = await openModel(quantized.model);
    const whole = new OutputDifference('scores');
    let inPieces: OutputDifferenceData = { sums: [], same: [] };
    for (const [i, feed] of layerSamples.feeds.entries()) {
      const values = [await reference.of(i, feed), await session.run(feed)] as const;
      whole.add(...values);
      const piece = new OutputDifference('scores', inPieces);
      piece.add(...values);
      inPieces = piece.toData();
    }
    await session.release();
    expect(inPieces).toEqual(whole.toData());
  });

  it('fixed point beside the runtime', { timeout: 60_000 }, async () => {
    const { quantized, layerSamples } = await study('fixed', { target: 'fpga-fixed' });
    const program = await readFixedProgram(quantized.model, { image: [1, 3, 8, 8] });
    const { whole, steps } = await cutEverywhere((resume) =>
      compareFixed(program, quantized.model, layerSamples.feeds, {
        accumulatorBits: 32,
        resume,
      }),
    );
    quantized.release();
    expect(steps).toBe(8);
    expect(whole[0]!.values).toBeGreaterThan(0);
  });
});
