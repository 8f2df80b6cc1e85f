import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Memory } from '../../src/jobs/memory';
import { openSubject } from '../../src/jobs/subject';
import { makePlan } from '../../src/jobs/plan';
import { Store } from '../../src/jobs/store';
import { quantizeStage } from '../../src/jobs/stages/quantize';
import { verifyStage } from '../../src/jobs/stages/verify';
import {
  floatData,
  GraphIndex,
  isExternal,
  loadModel,
  makeNode,
  makeTensor,
  tensorDims,
  topologicalOrder,
  type Model,
} from '../../src/onnx';
import type { Note } from '../../src/results';
import { Session } from '../../src/runtime/session';
import { temporaryFolder } from '../lib/files';
import { project } from '../lib/project';

const folder = temporaryFolder();
const none = { why: 'no sample' };

/** A model quantized in memory, and the stage that writes it with its weights beside it. */
async function written(name: string, recipe: object = {}) {
  const { recipePath, write, at } = await project(folder, name);
  const text = write({ quantization: { mode: 'dynamic' }, ...recipe });
  const plan = await makePlan(recipePath, text);
  const subject = await openSubject(plan.model, new Memory());
  const context = { store: new Store(recipePath), temporary: () => undefined };
  const save = async (change: (model: Model) => void = () => undefined) => {
    const quantized = await quantizeStage(plan, subject, null);
    change(quantized.model);
    const { output, target } = plan;
    const weights = { weights: 'external' } as const;
    const notes: Note[] = [];
    const done = await verifyStage(
      subject,
      quantized,
      output,
      none,
      notes,
      context,
      target,
      weights,
    );
    await done.release();
    return { ...done, notes };
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

describe('the graph that is executed', () => {
  it('stands among the results while it is looked at, not beside the model, and then nowhere', async () => {
    const { save, at } = await written('executed');
    const open = Session.open.bind(Session);
    const seen: string[][] = [];
    const spy = vi.spyOn(Session, 'open').mockImplementation(async (model, settings) => {
      const session = await open(model, settings);
      if (settings?.optimizedModelPath) {
        const stored = readdirSync(at('.vernier'), { recursive: true, encoding: 'utf8' });
        seen.push(stored.map((file) => file.replace(/\d+-\d+/, 'PID-N')));
        expect(readdirSync(at('.')).filter((file) => file.includes('executes'))).toEqual([]);
      }
      return session;
    });
    await save();
    spy.mockRestore();
    expect(seen).toHaveLength(1);
    expect(seen[0]).toEqual(
      expect.arrayContaining(['net.executes.PID-N', 'net.executes.PID-N/optimized.onnx']),
    );
    expect(seen[0]).toContain('.gitignore');
    expect(readdirSync(at('.vernier')).filter((file) => file.includes('executes'))).toEqual([]);
  });

  it('of a process that is no more goes with the next job; that of one at work stays', async () => {
    const { at } = await written('left');
    const store = new Store(at('net.quant.yaml'));
    const mine = store.temporaryFolder('executes');
    await store.makeFolder(mine);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const theirs = path.join(at('.vernier'), `net.executes.${pid}-1`);
    await store.makeFolder(theirs);
    writeFileSync(path.join(theirs, 'optimized.data'), 'x');
    await store.removeTemporary();
    expect(existsSync(theirs)).toBe(false);
    expect(existsSync(mine)).toBe(true);
  });
});

/** Lets a convolution read its weights from codes. */
function roundWeights({ graph }: Model): void {
  const index = new GraphIndex(graph);
  const conv = graph.node.find(({ name }) => name === 'conv1')!;
  const weight = index.initializer(conv.input[1]!)!;
  const codes = Int8Array.from(floatData(weight), (w) => Math.round(w * 100));
  const inputs = [
    index.addInitializer(makeTensor('conv1.codes', 'int8', tensorDims(weight), codes)),
    index.addInitializer(makeTensor('conv1.scale', 'float32', [], Float32Array.of(0.01))),
  ];
  index.insertNode(makeNode({ opType: 'DequantizeLinear', inputs, outputs: ['conv1.rounded'] }));
  index.setInput(conv, 1, 'conv1.rounded');
  index.dropUnusedInitializers();
  graph.node = topologicalOrder(graph);
}

describe('a layer in FP32 whose weights would run rounded', () => {
  it('takes no earlier file’s place where the recipe keeps it', async () => {
    const { save, at } = await written('rounded', { keep_fp32: ['conv1'] });
    await save();
    const before = readFileSync(at('net.int8.onnx'));
    const rounding = save(roundWeights);
    await expect(rounding).rejects.toMatchObject({
      code: 'job.kept-layer-quantized',
      message: expect.stringMatching(/'conv1'.* round its weights to integers before/) as string,
      place: { node: 'conv1', file: at('net.int8.onnx') },
    });
    expect(readFileSync(at('net.int8.onnx'))).toEqual(before);
  });

  it('is said where it is float for another reason', async () => {
    const { save } = await written('rounded for a reason');
    const rounded = ({ notes }: Awaited<ReturnType<typeof save>>) =>
      notes.filter(({ code }) => code === 'executed-rounded').map(({ layer }) => layer);
    expect(rounded(await save())).toEqual([]);
    expect(rounded(await save(roundWeights))).toEqual(['conv1']);
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
