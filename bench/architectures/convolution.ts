import { sizeOf, type Net } from './net';

/** A convolution without padding tricks: square kernel, the same padding on both sides. */
export interface ConvOptions {
  kernel: number;
  stride?: number;
  group?: number;
  bias?: boolean;
}

/** `/scope/Conv` with the weight `module.weight`, initialised as He et al. (2015) for ReLU, by its outputs. */
export function conv(
  net: Net,
  scope: string,
  module: string,
  x: string,
  [from, to]: readonly [number, number],
  { kernel, stride = 1, group = 1, bias = false }: ConvOptions,
): string {
  const dims = [to, from / group, kernel, kernel];
  const fanOut = sizeOf(dims.slice(2)) * (to / group);
  const inputs = [
    x,
    net.parameter(`${module}.weight`, dims, { kind: 'normal', std: Math.sqrt(2 / fanOut) }),
  ];
  if (bias) inputs.push(net.parameter(`${module}.bias`, [to], { kind: 'normal', std: 0.1 }));
  const pad = (kernel - 1) / 2;
  return net.node(scope, 'Conv', inputs, {
    dilations: [1, 1],
    group,
    kernel_shape: [kernel, kernel],
    pads: [pad, pad, pad, pad],
    strides: [stride, stride],
  });
}

/**
 * `/scope/BatchNormalization` whose running statistics are measured. @param scale typical gain: what ends a residual branch
 * is trained to be smaller than what carries the signal
 */
export function batchNorm(
  net: Net,
  scope: string,
  module: string,
  x: string,
  channels: number,
  scale = 1,
): string {
  const measured = { kind: 'measured' } as const;
  return net.node(
    scope,
    'BatchNormalization',
    [
      x,
      net.parameter(`${module}.weight`, [channels], { kind: 'gain', scale, spread: 0.3 }),
      net.parameter(`${module}.bias`, [channels], { kind: 'normal', std: 0.2 * scale }),
      net.parameter(`${module}.running_mean`, [channels], measured, false),
      net.parameter(`${module}.running_var`, [channels], measured, false),
    ],
    { epsilon: { float: 1e-5 }, momentum: { float: 0.9 }, training_mode: 0 },
  );
}

/** GlobalAveragePool → Flatten → Gemm: the end of every classifier here. */
export function classifier(net: Net, scope: string, module: string, x: string, from: number): void {
  const pooled = net.node('/avgpool', 'GlobalAveragePool', [x]);
  const flat = net.node('', 'Flatten', [pooled], { axis: 1 });
  const limit = 1 / Math.sqrt(from);
  const scores = net.node(
    scope,
    'Gemm',
    [
      flat,
      net.parameter(`${module}.weight`, [1000, from], { kind: 'uniform', limit }),
      net.parameter(`${module}.bias`, [1000], { kind: 'uniform', limit }),
    ],
    { alpha: { float: 1 }, beta: { float: 1 }, transB: 1 },
  );
  net.output(scores, 'output', [1, 1000]);
}
