import type { FixedResult, FixedStepResult } from '../../../src/protocol';
import { mobilenet } from './mobilenet';

/** Mobilenet in fixed point: every layer a step; one sum too wide for the accumulator, one code different. */
export function fixed(): FixedResult {
  const { layers } = mobilenet();
  const steps = layers.map(({ name, op, weight }, i): FixedStepResult => ({
    layer: name,
    op: op === 'Conv' ? 'conv' : op === 'Gemm' ? 'matrix' : 'average-pool',
    inputs: [`Q${4 + (i % 3)}.${4 - (i % 3)}`],
    weight: weight ? `Q${1 + (i % 2)}.${7 - (i % 2)} … Q-1.9` : null,
    bias: weight ? `Q22.${10 - (i % 3)} … Q20.12` : null,
    accumulator: `Q9.${10 + (i % 3)} … Q6.13`,
    output: 'Q5.3',
    shift: weight ? { low: 6, high: 8 + (i % 3) } : { low: 0, high: 0 },
    worstBits: i === 5 ? 34 : 18 + (i % 5),
    measuredBits: 15 + (i % 5),
    beyond: i === 5 ? 17 : 0,
    values: 100_352,
    different: i === 9 ? 2 : 0,
    largest: i === 9 ? 1 : 0,
    exact: i !== 9,
  }));
  return {
    accumulatorBits: 32,
    samples: 16,
    source: 'images/*.jpg',
    heldBack: true,
    steps,
    host: [
      { node: 'softmax', op: 'Softmax', reason: 'Softmax divides by a sum: it runs on the host' },
    ],
    files: [
      { name: 'mobilenet_v1_0.25.int8.fixed.h', bytes: 2_100_000 },
      { name: 'mobilenet_v1_0.25.int8.fixed.json', bytes: 700_000 },
    ],
  };
}
