import { fusionCandidates, settleFusions } from '../../../src/analyze/fusions';
import { byPassAlone } from '../../../src/analyze/fusions/table';
import { lookAt } from '../../../src/analyze/look';
import { serializeModel, type Model } from '../../../src/onnx';
import type { FusionCandidate } from '../../../src/results';
import { optimizedGraph } from '../../../src/runtime/optimized';

export interface Compared {
  said: FusionCandidate;
  is: FusionCandidate;
}

/** Operators that only fusing makes, in the runtime's graph before layouts change. */
const MADE =
  /^(Fused(Conv|Gemm|MatMul)|(Bias|Fast|Quick)?Gelu|(Skip|Simplified|SkipSimplified)?LayerNormalization|Attention|QLinear.*|QGemm|MatMulInteger.*)$/;

/**
 * What is said of a graph, each with what the runtime makes of it, and the nodes that it fused without a word of ours. What
 * our own passes would do is left out, and so are the bodies of If, Loop and Scan.
 */
export async function compared(model: Model): Promise<{ all: Compared[]; missed: string[] }> {
  const look = await lookAt(model);
  const said = fusionCandidates(look).map((found) => runtimeAlone(found));
  const bytes = serializeModel(look.source);
  const extended = await optimizedGraph(bytes, { optimization: 'extended' });
  const is = settleFusions(said, look.source, { all: await optimizedGraph(bytes), extended });
  const early = settleFusions(said, look.source, { all: extended, extended });
  const known = new Set(early.map(({ into }) => into?.name));
  const own = new Set(look.source.graph.node.map((node) => `${node.opType} ${node.output[0]}`));
  const missed = extended.graph.node.filter(
    (node) =>
      MADE.test(node.opType) &&
      !own.has(`${node.opType} ${node.output[0]}`) &&
      !known.has(node.name || node.output[0]),
  );
  return {
    all: said.map((found, i) => ({ said: found, is: is[i]! })),
    missed: missed.map((node) => `${node.opType} ${node.name || node.output[0]}`),
  };
}

/** Predictions that the runtime's graph contradicts, in words. */
export function mistakes(all: readonly Compared[]): string[] {
  return all.flatMap(({ said, is }) => {
    const really = is.status === 'done' ? 'will' : 'blocked';
    if (really === said.status) return [];
    const nodes = said.nodes.map(({ name }) => name).join(', ');
    return [`${said.pattern} of ${nodes}: ${said.status} was said, ${really} is so`];
  });
}

/** What is said of a graph, each with what our passes and the runtime make of it together. */
export async function prepared(model: Model): Promise<Compared[]> {
  const look = await lookAt(model);
  const said = fusionCandidates(look);
  const bytes = serializeModel(look.model);
  const extended = await optimizedGraph(bytes, { optimization: 'extended' });
  const all = await optimizedGraph(bytes);
  const is = settleFusions(said, look.source, { all, extended, written: true });
  return said.map((found, i) => ({ said: found, is: is[i]! }));
}

function runtimeAlone(found: FusionCandidate): FusionCandidate {
  const blockedBy = found.blockedBy ?? found.alone;
  return {
    ...found,
    ...{ blockedBy, alone: null },
    status: blockedBy || byPassAlone(found.pattern) ? 'blocked' : 'will',
    by: found.by.filter(({ who }) => who === 'runtime'),
  };
}
