/** Every layer of every open model is found in the graph that the runtime executes, and runs as it was written. */
import { describe, expect, it } from 'vitest';
import { needlessPairs } from '../../src/analyze/needless';
import { makeTensor } from '../../src/onnx';
import { quantizeDynamic } from '../../src/quantize/dynamic';
import { GraphBuilder } from '../lib/graph';
import { openModels, openWithFeeds, sampleModels } from '../lib/models';
import { executed, quantizeReady, ready, type Ready } from '../lib/quantize';
import { hasShared } from '../lib/shared';

const models = [...(hasShared ? openModels : []), ...sampleModels];

describe.each(models)('$name', (item) => {
  let subject: Promise<Ready> | undefined;
  const opened = async () => {
    const { model, feeds } = await openWithFeeds(item, 2);
    return ready(model, feeds);
  };
  const open = () => (subject ??= opened());

  it('static', { timeout: 200_000 }, async () => {
    const quantized = quantizeReady(await open(), { channelwise: true });
    const { found, optimized } = await executed(quantized);
    const { units } = quantized.placement;
    expect(units.filter(({ unit }) => !found.has(unit.name))).toEqual([]);
    const other = units.filter(({ unit, integer }) => {
      return (found.get(unit.name)!.precision !== 'float32') !== integer; // a cell is mixed
    });
    expect(other.map(({ unit }) => `${unit.name}: ${found.get(unit.name)!.kernel}`)).toEqual([]);
    expect(units.filter(({ integer, reason }) => integer === (reason !== null))).toEqual([]);
    expect(needlessPairs(optimized)).toEqual([]);
  });

  it('dynamic', { timeout: 200_000 }, async () => {
    const { prepared, units } = await open();
    const written = quantizeDynamic(prepared, units, new Set(), 'channel');
    const { found } = await executed({ ...written, units, prepared });
    expect(written.units.filter(({ unit }) => !found.has(unit.name))).toEqual([]);
    const other = written.units.filter(({ unit, integer }) => {
      return (found.get(unit.name)!.precision !== 'float32') !== integer; // a cell is mixed
    });
    expect(other.map(({ unit }) => `${unit.name}: ${found.get(unit.name)!.kernel}`)).toEqual([]);
    expect(written.units.filter(({ integer, reason }) => integer === (reason !== null))).toEqual(
      [],
    );
  });
});

describe('needlessPairs', () => {
  const pair = (g: GraphBuilder, name: string, x: string) => {
    const params = [
      g.constant(`${name}.scale`, [], [0.1]),
      g.tensor(makeTensor(`${name}.zero`, 'uint8', [], Uint8Array.of(128))),
    ];
    const codes = g.node(`${name}.q`, 'QuantizeLinear', [x, ...params]);
    return { codes, floats: g.node(`${name}.dq`, 'DequantizeLinear', [codes, ...params]) };
  };

  it('names the pairs between float operators, and no others', () => {
    const g = new GraphBuilder();
    const x = g.input('x', [1, 4]);
    const between = pair(g, 'between', g.node('tanh', 'Tanh', [x]));
    const moved = pair(g, 'moved', x);
    const output = pair(g, 'output', x);
    g.node('flat', 'Flatten', [moved.codes]);
    g.output(g.node('exp', 'Exp', [between.floats]), 'flat_out', output.codes);
    expect(needlessPairs(g.build())).toEqual(['between.q']);
  });
});
