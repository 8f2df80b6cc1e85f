/** That the runtime takes the names of its optimizers, and that without them its graph comes apart. */
import { describe, expect, it } from 'vitest';
import { fusionCandidates, settleFusions } from '../../../src/analyze/fusions';
import { comeApart, optimizersOf } from '../../../src/analyze/fusions/gains';
import { FUSIONS } from '../../../src/analyze/fusions/table';
import { lookAt } from '../../../src/analyze/look';
import { serializeModel } from '../../../src/onnx';
import type { FusionCandidate, FusionPatternName } from '../../../src/results';
import { optimizedGraph } from '../../../src/runtime/optimized';
import { small } from './build';
import { CASES } from './cases';

/** What is done in a small graph, and the optimizers without which some of it is not. */
async function taken(model: Parameters<typeof small>[0]) {
  const look = await lookAt(small(model));
  const bytes = serializeModel(look.source);
  const graphs = async (withoutOptimizers: readonly string[]) => ({
    all: await optimizedGraph(bytes, { withoutOptimizers }),
    extended: await optimizedGraph(bytes, { withoutOptimizers, optimization: 'extended' }),
  });
  const said: FusionCandidate[] = fusionCandidates(look);
  const fusions = settleFusions(said, look.source, await graphs([]));
  const apart: Record<string, FusionPatternName[]> = {};
  for (const { name, registered } of optimizersOf(fusions)) {
    const patterns = comeApart(said, fusions, look.source, await graphs(registered));
    if (patterns.length > 0) apart[name] = patterns.map(({ pattern }) => pattern);
  }
  return { fusions, apart };
}

describe('without one of its optimizers', () => {
  // whole attention has no small graph
  it.each<[FusionPatternName, string[]]>([
    ['Pad+Conv', ['PadFusion']],
    [
      'Conv+BatchNorm',
      ['ConvActivationFusion', 'ConvAddFusion', 'ConvBNFusion', 'ConvMulFusion', 'MatMulBNFusion'],
    ],
    ['LayerNorm', ['LayerNormFusion', 'SimplifiedLayerNormFusion']],
    ['MatMul+Add', ['MatMulAddFusion']],
    ['GELU', ['FastGeluFusion', 'GeluFusion', 'QuickGeluFusion']],
    ['Add+GELU', ['BiasGeluFusion', 'GeluFusion']],
    ['Gemm+Activation', ['GemmActivationFusion', 'MatMulAddFusion']],
    ['SkipLayerNorm', ['LayerNormFusion', 'SkipLayerNormFusion']],
    ['Transpose+MatMul', ['MatmulTransposeFusion']],
    ['MatMul+Scale', ['MatMulScaleFusion']],
    ['Conv+Add', ['ConvAddActivationFusion']],
    ['DQ+Q', ['QDQFinalCleanupTransformer']],
    ['DQ+Operator+Q', ['QDQSelectorActionTransformer']],
    // its optimizer runs whatever is disabled
    ['Transpose pair', []],
  ])('the runtime leaves %s apart', async (pattern, optimizers) => {
    const { name, also = [] } = FUSIONS.find((row) => row.name === pattern)!;
    const names = [name, ...also];
    const cases = CASES.filter(([own, , says]) => names.includes(own) && says === 'will');
    const found: string[] = [];
    let done = 0;
    for (const [, , , model] of cases) {
      const { fusions, apart } = await taken(model);
      if (fusions.some((f) => names.includes(f.pattern) && f.status === 'done')) done++;
      for (const [optimizer, lost] of Object.entries(apart))
        if (lost.some((each) => names.includes(each))) found.push(optimizer);
    }
    expect(done).toBeGreaterThan(0);
    expect([...new Set(found)].sort()).toEqual(optimizers);
  });
});

it('a name that it does not know changes nothing', async () => {
  const [, , , model] = CASES.find(([name]) => name === 'MatMul+Add')!;
  const bytes = serializeModel(small(model));
  const ops = async (withoutOptimizers: string[]) =>
    (await optimizedGraph(bytes, { withoutOptimizers })).graph.node.map((n) => n.opType);
  expect(await ops(['MatMulAddFusions'])).toEqual(await ops([]));
  expect(await ops(['MatMulAddFusion'])).not.toEqual(await ops([]));
});
