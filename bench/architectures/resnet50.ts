import { batchNorm, classifier, conv } from './convolution';
import { Net } from './net';

const STAGES: readonly [width: number, blocks: number][] = [
  [64, 3],
  [128, 4],
  [256, 6],
  [512, 3],
];

/** ResNet-50 (He et al. 2015, "Deep residual learning"), with the stride in the 3×3 as torchvision has it. */
export function resnet50(): Net {
  const net = new Net();
  let x = net.input('input', [1, 3, 224, 224]);
  x = conv(net, '/conv1', 'conv1', x, [3, 64], { kernel: 7, stride: 2 });
  x = batchNorm(net, '/bn1', 'bn1', x, 64);
  x = net.node('/relu', 'Relu', [x]);
  x = net.node('/maxpool', 'MaxPool', [x], {
    ceil_mode: 0,
    kernel_shape: [3, 3],
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  });
  let from = 64;
  STAGES.forEach(([width, blocks], s) => {
    for (let b = 0; b < blocks; b++) {
      x = bottleneck(net, `layer${s + 1}`, b, x, from, width, b === 0 && s > 0 ? 2 : 1);
      from = 4 * width;
    }
  });
  classifier(net, '/fc', 'fc', x, from);
  return net;
}

function bottleneck(
  net: Net,
  layer: string,
  at: number,
  x: string,
  from: number,
  width: number,
  stride: number,
): string {
  const module = `${layer}.${at}`;
  const scope = `/${layer}/${module}`;
  const to = 4 * width;
  const step = (i: number, y: string, channels: readonly [number, number], kernel: number) => {
    const options = { kernel, stride: i === 2 ? stride : 1 };
    const z = conv(net, `${scope}/conv${i}`, `${module}.conv${i}`, y, channels, options);
    return batchNorm(net, `${scope}/bn${i}`, `${module}.bn${i}`, z, channels[1], i === 3 ? 0.5 : 1);
  };
  let y = net.node(`${scope}/relu`, 'Relu', [step(1, x, [from, width], 1)]);
  y = net.node(`${scope}/relu_1`, 'Relu', [step(2, y, [width, width], 3)]);
  y = step(3, y, [width, to], 1);
  let shortcut = x;
  if (stride !== 1 || from !== to) {
    const inner = `${module}.downsample`;
    const at0 = `${scope}/downsample/downsample.0`;
    shortcut = conv(net, at0, `${inner}.0`, x, [from, to], { kernel: 1, stride });
    shortcut = batchNorm(net, `${scope}/downsample/downsample.1`, `${inner}.1`, shortcut, to);
  }
  const sum = net.node(scope, 'Add', [y, shortcut]);
  return net.node(`${scope}/relu_2`, 'Relu', [sum]);
}
