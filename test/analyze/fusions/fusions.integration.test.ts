import { describe, expect, it } from 'vitest';
import { fusionCandidates, settleFusions } from '../../../src/analyze/fusions';
import { byPassAlone } from '../../../src/analyze/fusions/table';
import { lookAt } from '../../../src/analyze/look';
import {
  inlineExternal,
  serializeModel,
  tensorDims,
  tensorType,
  type Model,
} from '../../../src/onnx';
import { optimizedGraph } from '../../../src/runtime/optimized';
import { quantize } from '../../lib/quantize';
import { weightOnly } from '../../quantize/weight-only/subject';
import { constant } from '../graph';
import { IMAGE, n, row, small, type Small } from './build';
import { CASES } from './cases';
import { ids, oneHot } from './cases/one-hot';
import { compared, mistakes, prepared } from './compare';

const ours = CASES.filter(([pattern]) => byPassAlone(pattern));

describe('the table of fusions', () => {
  it.each(CASES.filter((each) => !ours.includes(each)))(
    '%s: %s (%s)',
    async (pattern, _, says, model) => {
      const { all, missed } = await compared(small(model));
      const found = all.find(({ said }) => said.pattern === pattern);
      expect(found?.said.blockedBy?.code ?? found?.said.status).toBe(says);
      // and whatever else is said of the graph is what the runtime does
      expect(mistakes(all)).toEqual([]);
      expect(missed).toEqual([]);
    },
  );
});

describe('what a pass alone does', () => {
  it.each(ours)('%s: %s (%s)', async (pattern, _, says, model) => {
    const all = await prepared(small(model));
    const found = all.filter(({ said }) => said.pattern === pattern);
    expect(found).not.toEqual([]);
    for (const { said, is } of found) {
      expect(said.blockedBy?.code ?? said.status).toBe(says);
      // the pass does it where it is said, and nowhere else
      expect(is.status).toBe(says === 'will' ? 'done' : 'blocked');
    }
    // and the runtime leaves it
    const alone = await compared(small(model));
    expect(mistakes(alone.all)).toEqual([]);
    expect(alone.missed).toEqual([]);
  });

  it('is told with the nodes that go, what becomes of them, and what that saves', async () => {
    const nodes = [oneHot(), n('Reshape', 'h flat', 'f'), n('MatMul', 'f table', 'y')];
    const [found] = await prepared(small(ids(nodes)));
    expect(found?.is).toMatchObject({
      nodes: [
        { name: 'OneHot_h', op: 'OneHot' },
        { name: 'Reshape_f', op: 'Reshape' },
        { name: 'MatMul_y', op: 'MatMul' },
      ],
      vanishing: ['OneHot_h', 'Reshape_f'],
      layer: 'MatMul_y',
      by: [{ who: 'pass', name: 'one hot to gather' }],
      alone: null,
      into: { name: 'MatMul_y', op: 'Gather' },
      // eight indices of 8 bytes, and eight rows of five floats; a Reshape moves nothing
      estimate: { passes: 1, bytes: 8 * 8 + 8 * 5 * 4 },
    });
  });

  const feeds = [
    {
      x: {
        type: 'int64' as const,
        dims: [2, 4],
        data: BigInt64Array.from({ length: 8 }, () => 3n),
      },
    },
  ];
  it.each<[string, (model: Model) => Promise<{ model: Model }>]>([
    ['in INT8, static', (model) => quantize(model, { feeds, forced: ['MatMul_y'] })],
    ['in blocks', (model) => weightOnly(model, { type: 'int8' })],
    ['in blocks, as QDQ', (model) => weightOnly(model, { type: 'int8', form: 'qdq' })],
  ])('is found when the table is %s', async (_, write) => {
    const model = small(ids([oneHot(), n('MatMul', 'h wide', 'y')]));
    const written = inlineExternal((await write(model)).model);
    const look = await lookAt(model);
    const all = await optimizedGraph(serializeModel(written));
    const [found] = settleFusions(fusionCandidates(look), look.source, { all, written: true });
    expect(found).toMatchObject({ pattern: 'OneHot+MatMul', status: 'done' });
    const table = written.graph.initializer.find((t) => tensorDims(t).join() === '6,64');
    expect(table && tensorType(table)).toMatch(/int8/);
  });

  it('leaves the bias behind it on its own', async () => {
    const nodes = [oneHot(), n('MatMul', 'h table', 'a'), n('Add', 'a b3', 'y')];
    const all = await prepared(small(ids(nodes)));
    const sum = all.find(({ said }) => said.pattern === 'MatMul+Add');
    expect(sum?.said.status).toBe('will');
    expect(sum?.is).toMatchObject({
      status: 'blocked',
      blockedBy: { code: 'taken', node: 'MatMul_a', value: 'the pattern OneHot+MatMul' },
    });
  });

  it('names what declines it', async () => {
    const nodes = [oneHot({ axis: 1 }), n('MatMul', 'h table', 'y')];
    const [found] = await prepared(small(ids(nodes, { inputs: { x: [2, 5] } })));
    expect(found?.is.blockedBy).toMatchObject({
      node: 'OneHot_h',
      reason: 'its axis is 1, not the last one',
    });
  });
});

describe('in a written model', () => {
  const conv = (input: string, output: string) =>
    n('Conv', `${input} w`, output, { pads: [1, 1, 1, 1] });
  const written = async (nodes: Small['nodes']) => {
    const { model } = await quantize(
      small({ nodes, inputs: { x: IMAGE }, constants: [constant('w16', [16, 16])] }),
    );
    const look = await lookAt(model);
    const bytes = serializeModel(model);
    const all = await optimizedGraph(bytes);
    const extended = await optimizedGraph(bytes, { optimization: 'extended' });
    return settleFusions(fusionCandidates(look), look.source, { all, extended });
  };

  it('what runs a layer is its kernel, not the Transpose behind it', async () => {
    const fusions = await written([
      ...[conv('x', 'a'), n('GlobalAveragePool', 'a', 'g'), n('Flatten', 'g', 'f')],
      n('MatMul', 'f w16', 'y'),
    ]);
    expect(fusions.map(({ layer, into }) => [layer, into?.op])).toEqual([
      ['Conv_a', 'QLinearConv'],
      ['GlobalAveragePool_g', 'QLinearGlobalAveragePool'],
      ['Flatten_f', 'Flatten'],
      ['MatMul_y', 'MatMulIntegerToFloat'],
    ]);
    const alone = await written([conv('x', 'y')]);
    expect(alone.map(({ into }) => into?.op)).toEqual(['QLinearConv']);
  });

  it('an activation that writes codes anew is not in the convolution before it', async () => {
    const fusions = await written([
      ...[conv('x', 'a'), n('Relu', 'a', 'r'), n('Add', 'a r', 's'), conv('s', 'y')],
    ]);
    const of = (found: string) => fusions.find(({ pattern }) => pattern === found);
    expect(of('Conv+Activation')).toMatchObject({
      status: 'blocked',
      blockedBy: { code: 'qdq-between' },
    });
    const units = fusions.filter(({ pattern }) => pattern === 'DQ+Operator+Q');
    expect(units.map(({ layer, status }) => `${layer} ${status}`)).toEqual([
      ...['Conv_a done', 'Relu_r blocked', 'Add_s done', 'Conv_y done'],
    ]);
  });

  it('a bias stands apart from a product whose weight is packed, and that is why', async () => {
    const nodes = [n('MatMul', 'x w', 'a'), n('Add', 'a b64', 'y')];
    const model = small({
      nodes,
      inputs: { x: [2, 64] },
      constants: [constant('w', [64, 64]), row('b64', 64)],
    });
    const written = inlineExternal((await weightOnly(model, { type: 'int8' })).model);
    const look = await lookAt(model);
    const all = await optimizedGraph(serializeModel(written));
    const [found] = settleFusions(fusionCandidates(look), look.source, { all, written: true });
    expect(found).toMatchObject({
      pattern: 'MatMul+Add',
      status: 'blocked',
      blockedBy: { code: 'taken', node: 'MatMul_a', op: 'MatMul', value: 'MatMulNBits' },
    });
  });
});
