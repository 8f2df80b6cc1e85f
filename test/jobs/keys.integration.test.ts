/** What results are remembered by. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Memory } from '../../src/jobs/memory';
import { makePlan } from '../../src/jobs/plan';
import { openSamples } from '../../src/jobs/samples';
import { openSubject } from '../../src/jobs/subject';
import { saveModel } from '../../src/onnx';
import { npy, temporaryFolder } from '../lib/files';
import { classifier, project } from '../lib/project';

const folder = temporaryFolder();

describe('the key of a model', () => {
  it('is another one where only the data file was changed', async () => {
    const file = folder.at('beside.onnx');
    const { data } = await saveModel(classifier(), file, { weights: 'external' });
    const before = await openSubject(file, new Memory());
    expect(before.hashes.data.map((d) => d.name)).toEqual([path.basename(data!)]);
    expect((await openSubject(file, new Memory())).key).toBe(before.key);
    const bytes = readFileSync(data!);
    bytes[0]! ^= 1;
    writeFileSync(data!, bytes);
    const after = await openSubject(file, new Memory());
    expect(after.hashes.model).toBe(before.hashes.model);
    expect(after.key).not.toBe(before.key);
  });
});

describe('the key of samples', () => {
  it('tells selections apart that begin and end alike', async () => {
    const { recipePath, write, put } = await project(folder, 'selection');
    put('more.npy', npy([40, 3, 8, 8], new Float32Array(40 * 192)));
    const keyOf = async (change: object) => {
      const plan = await makePlan(recipePath, write(change));
      const subject = await openSubject(plan.model, new Memory());
      const { calibration } = await openSamples(plan, subject);
      return { key: calibration!.key, indices: calibration!.indices };
    };
    const data = { calibration: { data: 'more.npy', samples: 40 } };
    const all = await keyOf({ ...data, evaluate: { data: 'more.npy' } });
    const without = { ...data, evaluate: undefined };
    const part = await keyOf(without); // every fifth is held back
    expect(part.indices).not.toEqual(all.indices);
    expect(part.key).not.toBe(all.key);
    expect((await keyOf(without)).key).toBe(part.key);
  });
});
