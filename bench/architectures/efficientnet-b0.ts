import { batchNorm, classifier, conv } from './convolution';
import { Net } from './net';

/** Table 1 of Tan and Le 2019: expansion, kernel, stride, channels, repeats. */
const ROWS: readonly [expand: number, kernel: number, stride: number, to: number, n: number][] = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
];

/** EfficientNet-B0 (Tan and Le 2019) with SiLU and squeeze-and-excitation, as torchvision names it. */
export function efficientnetB0(): Net {
  const net = new Net();
  let x = net.input('input', [1, 3, 224, 224]);
  x = convBnSilu(net, '/features/features.0', 'features.0', x, [3, 32], 3, 2);
  let from = 32;
  ROWS.forEach(([expand, kernel, stride, to, repeats], row) => {
    for (let i = 0; i < repeats; i++) {
      const at = `features.${row + 1}`;
      const strideHere = i === 0 ? stride : 1;
      x = mbConv(net, at, i, x, [from, to], { expand, kernel, stride: strideHere });
      from = to;
    }
  });
  const last = ROWS.length + 1;
  x = convBnSilu(net, `/features/features.${last}`, `features.${last}`, x, [from, 1280], 1);
  classifier(net, '/classifier/classifier.1', 'classifier.1', x, 1280);
  return net;
}

function silu(net: Net, scope: string, x: string): string {
  return net.node(scope, 'Mul', [x, net.node(scope, 'Sigmoid', [x])]);
}

function convBnSilu(
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
  return silu(net, sub(2), y);
}

function mbConv(
  net: Net,
  stage: string,
  at: number,
  x: string,
  [from, to]: readonly [number, number],
  { expand, kernel, stride }: { expand: number; kernel: number; stride: number },
): string {
  const module = `${stage}.${at}.block`;
  const outer = `/features/${stage}/${stage}.${at}`;
  const scope = `${outer}/block`;
  const hidden = from * expand;
  let i = 0;
  let y = x;
  const next = () => `${module}.${i++}`;
  if (expand !== 1) {
    const own = next();
    y = convBnSilu(net, `${scope}/${own}`, own, y, [from, hidden], 1);
  }
  const depthwise = next();
  const at3 = `${scope}/${depthwise}`;
  y = convBnSilu(net, at3, depthwise, y, [hidden, hidden], kernel, stride, hidden);
  y = squeezeExcite(net, scope, next(), y, hidden, Math.max(1, Math.floor(from / 4)));
  const project = next();
  y = conv(net, `${scope}/${project}/${project}.0`, `${project}.0`, y, [hidden, to], { kernel: 1 });
  const residual = stride === 1 && from === to;
  const norm = `${project}.1`;
  y = batchNorm(net, `${scope}/${project}/${norm}`, norm, y, to, residual ? 0.5 : 1);
  return residual ? net.node(outer, 'Add', [y, x]) : y;
}

function squeezeExcite(
  net: Net,
  outer: string,
  module: string,
  x: string,
  channels: number,
  squeezed: number,
): string {
  const scope = `${outer}/${module}`;
  const options = { kernel: 1, bias: true };
  let y = net.node(`${scope}/avgpool`, 'GlobalAveragePool', [x]);
  y = conv(net, `${scope}/fc1`, `${module}.fc1`, y, [channels, squeezed], options);
  y = silu(net, `${scope}/activation`, y);
  y = conv(net, `${scope}/fc2`, `${module}.fc2`, y, [squeezed, channels], options);
  y = net.node(`${scope}/scale_activation`, 'Sigmoid', [y]);
  return net.node(scope, 'Mul', [y, x]);
}
