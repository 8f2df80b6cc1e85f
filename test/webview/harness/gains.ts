import type { FusionMeasurement, FusionTimes } from '../../../src/protocol';

/** What fusing gains in mobilenet, as one thread on one machine found it. */
export function gains(): FusionMeasurement {
  const one = (nodes: number, withoutMs: number, times: number, spread: number): FusionTimes => ({
    nodes: { without: nodes, with: 33 },
    withoutMs,
    withMs: 1.29,
    times,
    low: times - spread,
    high: times + spread,
    pairs: 660,
  });
  return {
    model: '/models/mobilenet_v1_0.25.onnx',
    data: 'images/001.jpg, images/002.jpg',
    random: false,
    threads: 1,
    machine: 'Intel(R) Xeon(R) Processor',
    runtime: '1.30.0',
    whole: one(89, 2.99, 2.31, 0.03),
    gains: [
      {
        optimizer: 'ConvBNFusion',
        level: 'basic',
        patterns: [{ pattern: 'Conv+BatchNorm+Activation', fusions: 27 }],
        ...one(139, 1.84, 1.42, 0.02),
      },
      {
        optimizer: 'ConvActivationFusion',
        level: 'extended',
        patterns: [{ pattern: 'Conv+BatchNorm+Activation', fusions: 27 }],
        ...one(112, 1.68, 1.3, 0.02),
      },
      {
        optimizer: 'PadFusion',
        level: 'basic',
        patterns: [{ pattern: 'Pad+Conv', fusions: 4 }],
        ...one(45, 1.3, 1.01, 0.03),
      },
    ],
    idle: ['MatMulBNFusion', 'ConvMulFusion', 'ConvAddFusion'],
  };
}
