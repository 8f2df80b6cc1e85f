/** Every operator of the fixed-point table against onnxruntime's own, code by code. */
import { describe, expect, it } from 'vitest';
import { compareFixed } from '../../../src/quantize/fixed/compare';
import { readFixedProgram } from '../../../src/quantize/fixed/read';
import { COLUMNS } from '../../../src/quantize/operators';
import { checkFpgaFixed } from '../../../src/analyze/rules/fpga-fixed';
import { makeTensor } from '../../../src/onnx';
import { buildCase, CASES, FixedBuilder } from './cases';

describe('fixed point against the runtime', () => {
  it.each(Object.keys(CASES))('%s', async (name) => {
    const { model, feeds } = buildCase(name);
    const program = await readFixedProgram(model);
    expect(program.host).toEqual([]);
    const steps = await compareFixed(program, model, feeds, { accumulatorBits: 32 });
    expect(steps.map((s) => s.tensor)).toContain(program.outputs[0]);
    for (const step of steps) {
      expect(step.values).toBeGreaterThan(0);
      expect(step, name).toMatchObject({ different: 0, beyond: 0 });
    }
  });

  it('has a case for every operator that the table quantizes', () => {
    const integer = Object.entries(COLUMNS['fpga-fixed']).filter(([, r]) => r.form !== 'float');
    const tried = new Set(Object.keys(CASES).map((name) => name.split(' ')[0]));
    expect(integer.map(([op]) => op).filter((op) => !tried.has(op))).toEqual([]);
  });

  it('keeps every sum within the bounds that it says', async () => {
    for (const name of ['Conv', 'Conv with Clip', 'Gemm', 'Add of two formats', 'Mul']) {
      const { model, feeds } = buildCase(name);
      const program = await readFixedProgram(model);
      const steps = await compareFixed(program, model, feeds, { accumulatorBits: 32 });
      steps.forEach(({ sums }, i) => {
        const { low, high } = program.steps[i]!.sum;
        expect(sums!.low, name).toBeGreaterThanOrEqual(low);
        expect(sums!.high, name).toBeLessThanOrEqual(high);
      });
    }
  });

  it('reaches the bounds of a sum with the codes that make them', async () => {
    const g = new FixedBuilder();
    const weight = g.weight('w', [12, 3], null);
    const sum = g.node('op', 'MatMul', [g.activation('x', [1, 12]), weight]);
    const model = g.output(g.through(sum, 2)).build();
    const program = await readFixedProgram(model);
    const [step] = program.steps;
    if (step?.op !== 'matrix') throw new Error('no matrix');
    const reached = { low: 0, high: 0 };
    for (let c = 0; c < 3; c++)
      for (const sign of [1, -1]) {
        const row = step.weights.subarray(c * 12, c * 12 + 12);
        const data = Float32Array.from(row, (w) => (w * sign > 0 ? 100 : -100));
        const feed = { x: { type: 'float32' as const, dims: [1, 12], data } };
        const [seen] = await compareFixed(program, model, [feed], { accumulatorBits: 32 });
        reached.low = Math.min(reached.low, seen!.sums!.low);
        reached.high = Math.max(reached.high, seen!.sums!.high);
      }
    expect(reached).toEqual(step.sum);
  });

  it('counts the sums that a narrow accumulator cannot hold', async () => {
    const { model, feeds } = buildCase('Conv');
    const program = await readFixedProgram(model);
    const [wide] = await compareFixed(program, model, feeds, { accumulatorBits: 24 });
    const [narrow] = await compareFixed(program, model, feeds, { accumulatorBits: 14 });
    expect(wide!.beyond).toBe(0);
    expect(narrow!.beyond).toBeGreaterThan(0);
    expect(narrow!.beyond).toBeLessThan(narrow!.values);
  });
});

describe('readFixedProgram', () => {
  it.each([
    ['a scale that is no power of two', 0.1, 0],
    ['a zero point', 0.25, 3],
  ])('refuses %s', async (_, scale, zero) => {
    const { model } = buildCase('Relu');
    const s = model.graph.initializer.find((t) => t.name === 'x.scale')!;
    s.rawData = new Uint8Array(Float32Array.of(scale).buffer);
    const z = model.graph.initializer.find((t) => t.name === 'x.zero')!;
    z.rawData = new Uint8Array(Int8Array.of(zero).buffer);
    await expect(readFixedProgram(model)).rejects.toMatchObject({
      code: 'model.not-fixed-point',
      place: { node: 'x.q' },
    });
  });

  it('refuses scales by channel for an activation', async () => {
    const { model } = buildCase('Relu');
    const scale = model.graph.initializer.findIndex((t) => t.name === 'x.scale');
    const zero = model.graph.initializer.findIndex((t) => t.name === 'x.zero');
    const values = Float32Array.from({ length: 6 }, (_, i) => 2 ** -i);
    model.graph.initializer[scale] = makeTensor('x.scale', 'float32', [6], values);
    model.graph.initializer[zero] = makeTensor('x.zero', 'int8', [6], new Int8Array(6));
    await expect(readFixedProgram(model)).rejects.toMatchObject({
      code: 'model.not-fixed-point',
      place: { node: 'x.q' },
    });
    expect(checkFpgaFixed(model).map((f) => [f.code, f.node])).toEqual([
      ['scale-per-channel', 'x.q'],
      ['scale-per-channel', 'x.dq'],
    ]);
  });

  it('leaves what has no integer form to the host, and takes its codes up behind it', async () => {
    const g = new FixedBuilder();
    const first = g.through(g.node('relu', 'Relu', [g.activation('x', [1, 8])]), 4);
    const island = g.node('soft', 'Softmax', [first]);
    const last = g.node('relu2', 'Relu', [g.through(island, 7)]);
    const model = g.output(g.through(last, 7)).build();
    const program = await readFixedProgram(model);
    expect(program.host).toMatchObject([{ name: 'soft', op: 'Softmax' }]);
    expect(program.inputs).toHaveLength(2);
    expect(program.outputs).toHaveLength(2);
    const steps = await compareFixed(program, model, g.feeds(3), { accumulatorBits: 32 });
    expect(steps.map((s) => [s.values > 0, s.different])).toEqual([
      [true, 0],
      [true, 0],
    ]);
  });

  it.each(['Concat', 'AveragePool'])(
    'leaves %s to the host where its result stays float',
    async (op) => {
      const g = new FixedBuilder();
      const inputs = [g.activation('x', [1, 4, 6, 6])];
      if (op === 'Concat') inputs.push(g.activation('y', [1, 2, 6, 6], 6));
      const attributes: Record<string, number | number[]> =
        op === 'Concat' ? { axis: 1 } : { kernel_shape: [3, 3] };
      const view = g.node('view', 'Flatten', [g.node('op', op, inputs, attributes)]);
      const relu = g.node('relu', 'Relu', [g.activation('z', [1, 8])]);
      const model = g.output(view, g.through(relu, 3)).build();
      const program = await readFixedProgram(model);
      expect(program.host.map((h) => h.name)).toEqual(['op', 'view']);
      expect(program.steps.map((s) => s.name)).toEqual(['relu']);
      const [step] = await compareFixed(program, model, g.feeds(2), { accumulatorBits: 32 });
      expect(step).toMatchObject({ different: 0 });
    },
  );
});
