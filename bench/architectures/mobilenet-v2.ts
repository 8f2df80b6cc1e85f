import { batchNorm, classifier, conv } from './convolution';
import { Net } from './net';

/** Table 2 of Sandler et al. 2018: expansion, channels, repeats, stride. */
const ROWS: readonly [expand: number, channels: number, repeats: number, stride: number][] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/** MobileNetV2 1.0 (Sandler et al. 2018, "Inverted residuals and linear bottlenecks"), as torchvision names it. */
export function mobilenetV2(): Net {
  const net = new Net();
  let x = net.input('input', [1, 3, 224, 224]);
  x = convBnRelu6(net, '/features/features.0', 'features.0', x, [3, 32], 3, 2);
  let from = 32;
  let at = 1;
  for (const [expand, to, repeats, stride] of ROWS)
    for (let i = 0; i < repeats; i++, at++) {
      x = invertedResidual(net, at, x, [from, to], expand, i === 0 ? stride : 1);
      from = to;
    }
  x = convBnRelu6(net, `/features/features.${at}`, `features.${at}`, x, [from, 1280], 1);
  classifier(net, '/classifier/classifier.1', 'classifier.1', x, 1280);
  return net;
}

function convBnRelu6(
  net: Net,
  scope: string,
  module: string,
  x: string,
  channels: readonly [number, number],
  kernel: number,
  stride = 1,
  group = 1,
): string {
  const sub = (i: number) => `${scope}/${module}.${i}`;
  let y = conv(net, sub(0), `${module}.0`, x, channels, { kernel, stride, group });
  y = batchNorm(net, sub(1), `${module}.1`, y, channels[1]);
  const bounds = [0, 6].map((bound) => net.constant(sub(2), bound, 'float32'));
  return net.node(sub(2), 'Clip', [y, ...bounds]);
}

function invertedResidual(
  net: Net,
  at: number,
  x: string,
  [from, to]: readonly [number, number],
  expand: number,
  stride: number,
): string {
  const module = `features.${at}.conv`;
  const block = `/features/features.${at}`;
  const scope = `${block}/conv`;
  const hidden = from * expand;
  let i = 0;
  let y = x;
  const step = (channels: readonly [number, number], ...rest: [number, number?, number?]) => {
    const own = `${module}.${i++}`;
    y = convBnRelu6(net, `${scope}/${own}`, own, y, channels, ...rest);
  };
  if (expand !== 1) step([from, hidden], 1);
  step([hidden, hidden], 3, stride, hidden);
  const own = `${module}.${i}`;
  y = conv(net, `${scope}/${own}`, own, y, [hidden, to], { kernel: 1 });
  const residual = stride === 1 && from === to;
  const norm = `${module}.${i + 1}`;
  y = batchNorm(net, `${scope}/${norm}`, norm, y, to, residual ? 0.5 : 1);
  return residual ? net.node(block, 'Add', [x, y]) : y;
}
