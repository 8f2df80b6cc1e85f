import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc, { runs } from '../lib/property';
import { describe, expect, it } from 'vitest';
import { VernierError } from '../../src/errors';
import { parseModel } from '../../src/onnx/load';
import { serializeModel } from '../../src/onnx/save';
import { inferShapes } from '../../src/onnx/shapes';
import { upgradeOpset } from '../../src/onnx/upgrade';
import { validateModel } from '../../src/onnx/validate';
import { noShared, SHARED, sharedFiles } from './shared';

/**
 * Everything that is done to a file before the runtime sees it: it works, or it ends in a coded error.
 * Returns the code.
 */
function open(bytes: Uint8Array): string {
  try {
    const model = parseModel(bytes);
    validateModel(model);
    inferShapes(model);
    if (model.opset < 13) serializeModel(upgradeOpset(model).model);
    return 'valid';
  } catch (error) {
    if (!(error instanceof VernierError)) throw error;
    if (!error.code.startsWith('model.')) throw error;
    return error.code;
  }
}

/** Small models of all kinds, for a damage that hits more than weights. */
const small = sharedFiles().filter(
  (file) => readFileSync(path.join(SHARED, file)).length < 200_000,
);
const subjects = ['models/mnist_cntk.onnx', 'models/super_resolution_10/model.onnx'];

describe.skipIf(noShared)('a damaged file', () => {
  it.each(subjects)('%s, cut off at every hundredth', (file) => {
    const bytes = readFileSync(path.join(SHARED, file));
    const codes = Array.from({ length: 100 }, (_, percent) =>
      open(bytes.subarray(0, Math.floor((bytes.length * percent) / 100))),
    );
    expect(codes[0]).toBe('model.truncated');
    expect(codes).not.toContain('valid');
    expect(new Set(codes.slice(1))).toEqual(new Set(['model.truncated']));
  });

  it('cut off at any byte', () => {
    const bytes = readFileSync(path.join(SHARED, 'backend/node/test_add/model.onnx'));
    for (let end = 0; end < bytes.length; end++)
      expect([end, open(bytes.subarray(0, end))]).not.toEqual([end, 'valid']);
  });

  it('with flipped bits gives a model or a coded error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...small),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(7)), {
          minLength: 1,
          maxLength: 8,
        }),
        (file, flips) => {
          const bytes = Uint8Array.from(readFileSync(path.join(SHARED, file)));
          for (const [where, bit] of flips) {
            const at = Math.min(Math.floor(where * bytes.length), bytes.length - 1);
            bytes[at]! ^= 1 << bit;
          }
          expect(typeof open(bytes)).toBe('string');
        },
      ),
      { numRuns: runs(3000) },
    );
  });
});

describe('bytes that are no model', () => {
  it('give a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(open(bytes)).not.toBe('valid');
      }),
      { numRuns: runs(2000) },
    );
  });
});
