import { makeTensor } from '../../src/onnx';
import { batchNorm, conv } from './convolution';
import { Net } from './net';
import { geluErf, linear } from './transformer';

const CHANNELS = 8;
const SIDE = 8;

/**
 * A graph of exactly `nodes` nodes with next to no weights: residual blocks, squeeze-and-excitation, a mixer with GELU,
 * shapes that are computed on the way, Identity and Constant nodes, two tensors that blocks read all along and one constant
 * that they share. What is slower than linear shows here.
 *
 * Every round of blocks halves what came before twice and adds the first block's output again: an error of one layer fades in
 * a few blocks instead of growing over a thousand, as it would where each block only scales what it is given.
 */
export function manyNodes(nodes: number): Net {
  const net = new Net();
  let x = net.input('input', [1, CHANNELS, SIDE, SIDE]);
  const condition = net.node('/embed', 'Relu', [net.input('condition', [1, CHANNELS, 1, 1])]);
  net.constants.push(makeTensor('half', 'float32', [], Float32Array.of(0.5)));
  const stem = net.node('/stem', 'Relu', [x]);
  const context: Context = { condition, stem };
  const blocks = [residual, excite, mixer, reshaped];
  for (let i = 0; ; i++) {
    const before = net.nodes.length;
    const start = net.mark();
    const y = blocks[i % blocks.length]!(net, i, x, context);
    // one more block must leave room for the end
    if (net.nodes.length > nodes - 1) {
      net.reset(start, before);
      break;
    }
    x = y;
  }
  while (net.nodes.length < nodes - 1) x = net.node('/tail', 'Relu', [x]);
  net.output(net.node('/pool', 'GlobalAveragePool', [x]), 'output', [1, CHANNELS, 1, 1]);
  return net;
}

/** What blocks read besides the block before them. */
interface Context {
  /** A value a channel. */
  condition: string;
  /** The picture after its first activation. */
  stem: string;
}

/** Conv, BatchNorm, Relu, twice, the sum, and the tensor that everyone reads. */
function residual(net: Net, i: number, x: string, { condition }: Context): string {
  const scope = `/blocks/${i}`;
  const module = `blocks.${i}`;
  const step = (at: number, y: string) => {
    const z = conv(net, `${scope}/conv${at}`, `${module}.conv${at}`, y, [CHANNELS, CHANNELS], {
      kernel: 3,
    });
    return batchNorm(net, `${scope}/bn${at}`, `${module}.bn${at}`, z, CHANNELS, at === 2 ? 0.5 : 1);
  };
  let y = net.node(`${scope}/relu`, 'Relu', [step(1, x)]);
  y = net.node(scope, 'Add', [step(2, y), condition]);
  y = net.node(scope, 'Add', [x, y]);
  y = net.node(`${scope}/drop`, 'Identity', [y]);
  return net.node(`${scope}/relu_1`, 'Relu', [y]);
}

function excite(net: Net, i: number, x: string, { condition }: Context): string {
  const scope = `/blocks/${i}`;
  const options = { kernel: 1, bias: true };
  let y = net.node(scope, 'GlobalAveragePool', [x]);
  y = net.node(scope, 'Add', [y, condition]);
  y = conv(net, `${scope}/fc`, `blocks.${i}.fc`, y, [CHANNELS, CHANNELS], options);
  y = net.node(scope, 'Sigmoid', [y]);
  return net.node(scope, 'Mul', [x, y]);
}

/** Channels last, a MatMul and GELU, and back. */
function mixer(net: Net, i: number, x: string): string {
  const scope = `/blocks/${i}`;
  let y = net.node(scope, 'Transpose', [x], { perm: [0, 2, 3, 1] });
  y = linear(net, `${scope}/fc`, `blocks.${i}.fc`, y, [CHANNELS, CHANNELS], 0.35);
  y = geluErf(net, `${scope}/act`, y);
  y = net.node(scope, 'Mul', [y, 'half']);
  y = net.node(scope, 'Transpose', [y], { perm: [0, 3, 1, 2] });
  y = net.node(scope, 'Add', [x, y]);
  const norm = batchNorm(net, `${scope}/bn`, `blocks.${i}.bn`, y, CHANNELS);
  return net.node(`${scope}/relu`, 'Relu', [norm]);
}

/** Flattens and unflattens by a shape that is computed, halves on the way, and adds what the first block saw. */
function reshaped(net: Net, i: number, x: string, { stem }: Context): string {
  const scope = `/blocks/${i}`;
  const shape = net.node(scope, 'Shape', [x]);
  const index = net.constant(scope, 0, 'int64');
  const batch = net.node(scope, 'Gather', [shape, index], { axis: 0 });
  const axes = net.constant(scope, [0], 'int64');
  const list = net.node(scope, 'Unsqueeze', [batch, axes]);
  const rest = net.constant(scope, [-1], 'int64');
  const flat = net.node(scope, 'Concat', [list, rest], { axis: 0 });
  const y = net.node(scope, 'Reshape', [x, flat]);
  const z = net.node(scope, 'Mul', [y, 'half']);
  const back = net.node(scope, 'Reshape', [z, shape]);
  return net.node(scope, 'Add', [back, stem]);
}
