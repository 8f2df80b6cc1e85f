import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Memory } from '../../src/jobs/memory';
import { openSubject } from '../../src/jobs/subject';
import { makePlan } from '../../src/jobs/plan';
import { quantizeStage } from '../../src/jobs/stages/quantize';
import { verifyStage } from '../../src/jobs/stages/verify';
import { isExternal, loadModel, type Model } from '../../src/onnx';
import { Session } from '../../src/runtime/session';
import { temporaryFolder } from '../lib/files';
import { project } from '../lib/project';

const folder = temporaryFolder();
const context = { temporary: () => undefined };
const none = { why: 'no sample' };

/** A model quantized in memory, and the stage that writes it with its weights beside it. */
async function written(name: string) {
  const { recipePath, write, at } = await project(folder, name);
  const text = write({ quantization: { mode: 'dynamic' } });
  const plan = await makePlan(recipePath, text);
  const subject = await openSubject(plan.model, new Memory());
  const save = async (change: (model: Model) => void = () => undefined) => {
    const quantized = await quantizeStage(plan, subject, null);
    change(quantized.model);
    const { output, target } = plan;
    const weights = { weights: 'external' } as const;
    const done = await verifyStage(subject, quantized, output, none, [], context, target, weights);
    await done.release();
    return done;
  };
  const files = () => readdirSync(at('.')).filter((f) => f.startsWith('net.int8') || /tmp/.test(f));
  return { save, files, at, plan };
}

describe('a written file', () => {
  it('is loaded once, for its optimized graph and for what runs it', async () => {
    const { save, plan } = await written('once');
    const open = vi.spyOn(Session, 'open');
    const { executed } = await save();
    expect(executed.size).toBeGreaterThan(0);
    const files = open.mock.calls.map(([file]) => file);
    expect(files.filter((file) => typeof file === 'string')).toHaveLength(1);
    open.mockRestore();
    expect(readdirSync(path.dirname(plan.output)).some((f) => f.includes('tmp'))).toBe(false);
  });
});

describe('weights in a file beside the model', () => {
  it('are referred to by the name that they keep', async () => {
    const { save, files, plan } = await written('beside');
    const { data } = await save();
    expect(files().toSorted()).toEqual(['net.int8.onnx', path.basename(data!)]);
    const model = await loadModel(plan.output);
    expect(model.graph.initializer.some(isExternal)).toBe(true);
    const again = await save();
    expect(again.data).toBe(data);
    expect(files()).toHaveLength(2);
  });

  it('are what they were where a later file is refused', async () => {
    const { save, files, at } = await written('refused');
    const { data } = await save();
    const before = [readFileSync(at('net.int8.onnx')), readFileSync(data!)];
    const spoilt = save(({ graph }) => {
      for (const t of graph.initializer) t.rawData = t.rawData.map((byte) => byte ^ 1);
      graph.node.find((n) => n.opType === 'Conv')!.opType = 'NoSuchOperator';
    });
    await expect(spoilt).rejects.toMatchObject({ code: 'model.does-not-load' });
    expect([readFileSync(at('net.int8.onnx')), readFileSync(data!)]).toEqual(before);
    expect(files()).toHaveLength(2);
  });
});
