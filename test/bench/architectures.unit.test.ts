import { describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../../bench/architectures/index';
import { manyNodes } from '../../bench/architectures/many-nodes';
import { sizeOf, type Net } from '../../bench/architectures/net';

const counts = Object.entries(ARCHITECTURES).flatMap(([name, a]) =>
  a.parameters === null ? [] : [[name, a.parameters] as const],
);

/** Tensors that a node reads and nothing gives. */
function unwritten(net: Net): string[] {
  const known = new Set([
    '',
    ...net.inputs.map((i) => i.name),
    ...net.parameters.map((p) => p.name),
    ...net.constants.map((t) => t.name),
  ]);
  const missing: string[] = [];
  for (const node of net.nodes) {
    missing.push(...node.input.filter((name) => !known.has(name)));
    node.output.forEach((name) => known.add(name));
  }
  return [...missing, ...net.outputs.map((o) => o.name).filter((name) => !known.has(name))];
}

const twice = (names: readonly string[]) => names.filter((n, i) => names.indexOf(n) !== i);

describe('networks of full size', () => {
  it.each(counts)('%s has the published number of parameters', (name, count) => {
    expect(ARCHITECTURES[name]!.build().learned()).toBe(count);
  });

  it.each(['resnet50', 'mobilenet_v2', 'efficientnet_b0', 'bert_base', 'gpt_2500mb'])(
    '%s is whole: every tensor is written once and before it is read',
    (name) => {
      const net = ARCHITECTURES[name]!.build();
      expect(unwritten(net)).toEqual([]);
      expect(twice(net.nodes.map((n) => n.name))).toEqual([]);
      expect(twice(net.parameters.map((p) => p.name))).toEqual([]);
    },
  );

  it('the GPT takes 2.5 GB in FP32, which no file holds alone', () => {
    const values = ARCHITECTURES.gpt_2500mb!.build().parameters.map((p) => sizeOf(p.dims));
    const bytes = 4 * values.reduce((a, b) => a + b, 0);
    expect(bytes).toBeGreaterThan(2.5e9);
    expect(bytes).toBeLessThan(2.6e9);
  });

  it('names nodes and weights as an exporter does', () => {
    const net = ARCHITECTURES.resnet50!.build();
    const conv = net.nodes.find((n) => n.name === '/layer1/layer1.0/conv1/Conv');
    expect(conv?.input[1]).toBe('layer1.0.conv1.weight');
    expect(conv?.output).toEqual(['/layer1/layer1.0/conv1/Conv_output_0']);
    expect(net.nodes.filter((n) => n.opType === 'BatchNormalization')).toHaveLength(53);
  });

  it.each([100, 1000, 10_000])('a graph of %i nodes has so many', (count) => {
    const net = manyNodes(count);
    expect(net.nodes).toHaveLength(count);
    expect(unwritten(net)).toEqual([]);
  });
});
