/** Every layer alone, all of them together, beside the model quantized anew for each with all others kept in FP32. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { wholeSums } from '../../src/analyze/sensitivity';
import { VernierError } from '../../src/errors';
import { Memory } from '../../src/jobs/memory';
import { openJob } from '../../src/jobs/open-job';
import { experimentUnits, layersAlone } from '../../src/jobs/stages/layers';
import { writeStage } from '../../src/jobs/stages/write';
import { openStudy, type Study } from '../../src/jobs/study';
import { topologicalOrder } from '../../src/onnx';
import type { Unit } from '../../src/quantize/units';
import { temporaryFolder } from '../lib/files';
import { cifar, every, hasShared, imagenet, photos, sharedFile } from '../lib/shared';
import { takeOutOutputQuantizer } from '../lib/unrounded';

const folder = temporaryFolder();
const imageNet = { resize: 256, crop: 224, scale: '1/127.5', mean: 1 };
const faceImage = { resize: [320, 240], scale: '1/128', mean: 0.9921875 };

/** SQNR of the layer in a model in which all others are kept; null where it is quantized only beside others. */
async function oneByOne(study: Study, unit: Unit): Promise<number | null> {
  const { plan, subject, samples, calibrated, layerSamples, exact, context } = study;
  const others = new Set(subject.units.map((u) => u.name).filter((name) => name !== unit.name));
  try {
    const made = await writeStage(plan, subject, samples.calibration, calibrated, context, others);
    const { model } = made;
    takeOutOutputQuantizer(model, unit);
    for (const tensor of subject.prepared.graph.initializer)
      if (!model.graph.initializer.some((t) => t.name === tensor.name))
        model.graph.initializer.push(tensor);
    model.graph.node = topologicalOrder(model.graph);
    const sums = wholeSums(model, layerSamples.feeds, exact);
    return (await sums.finally(() => made.release())).measures.sqnrDb;
  } catch (error) {
    if (error instanceof VernierError && error.code === 'model.nothing-to-quantize') return null;
    throw error;
  }
}

describe.skipIf(!hasShared)('every layer alone', () => {
  it.each<[string, number, () => object]>([
    [
      'models/mobilenet_v1_0.25_224_imagenet.onnx',
      28,
      () => ({ data: every(4, imagenet()), image: imageNet }),
    ],
    [
      'models/resnet8_cifar10.onnx',
      10,
      () => ({ data: every(5, cifar(), 64), image: { scale: 1 } }),
    ],
    ['models/ultraface_rfb_320_simplified.onnx', 50, () => ({ data: photos(), image: faceImage })],
  ])(
    'is what re-quantizing gives, before its output is rounded: %s',
    async (file, least, data) => {
      const recipe = folder.put(
        `${file.replace(/\W/g, '-')}.quant.yaml`,
        stringify({
          model: sharedFile(...file.split('/')),
          output: `${file.replace(/\W/g, '-')}.int8.onnx`,
          calibration: { ...data(), samples: 24 },
          quantization: { improve: [] },
          sensitivity: { samples: 6, budget_s: 300 },
        }),
      );
      const hooks = { progress: () => undefined };
      const { plan, subject, context } = await openJob({ recipePath: recipe }, new Memory(), hooks);
      const study = await openStudy(plan, subject, context);
      const together = await layersAlone(study, false);
      let compared = 0;
      for (const { unit } of experimentUnits(plan, subject, study.quantized)) {
        const alone = await oneByOne(study, unit);
        if (alone === null) continue;
        const found = together.get(unit.name)!.measures.sqnrDb;
        expect(Math.abs(found - alone), `${unit.name}: ${found}, ${alone}`).toBeLessThan(0.1);
        compared++;
      }
      study.quantized.release();
      expect(compared).toBeGreaterThanOrEqual(least);
    },
    240_000,
  );
});
