import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { temporaryFolder } from '../lib/files';
import { run } from '../lib/job';
import { hasShared, sharedFile } from '../lib/shared';

const folder = temporaryFolder();
const FUSION = 'backend/ort/onnxruntime/test/testdata/transform/fusion';
const input = (...shape: number[]) => ({ shape });

describe.skipIf(!hasShared)('groups of which other groups need every node', () => {
  it.each([
    [
      'matmul_scale_reused_input_scale',
      { input_0: input(2, 4, 4), input_1: input(2, 4, 4), input_2: input(2, 4, 4) },
    ],
    [
      'transpose_cast_matmul_4d_fusion5',
      { input_0: input(3, 2, 4, 4), input_1: input(3, 2, 4, 4) },
    ],
  ])('%s has its fusions told in float16', async (name, inputs) => {
    const text = stringify({
      ...{ model: sharedFile(`${FUSION}/${name}.onnx`), output: `${name}.onnx`, inputs },
      calibration: { data: 'random', samples: 4 },
      quantization: { mode: 'float16' },
    });
    const { result } = await run(folder.at(`${name}.quant.yaml`), { text, until: 'quantize' });
    expect(result.verification).not.toBeNull();
    for (const { status, into, blockedBy } of result.fusions)
      expect(status === 'done' ? into : (blockedBy?.op ?? null), status).not.toBeNull();
  });
});
