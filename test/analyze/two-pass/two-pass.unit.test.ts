/** What two passes tell, against values by hand and by plain arithmetic over random samples. */
import { describe, expect, it } from 'vitest';
import { noiseCameIn } from '../../../src/analyze/two-pass/came-in';
import { solveFactor } from '../../../src/analyze/two-pass/solve';
import { NeighbourCorrelation } from '../../../src/numeric';
import { GraphIndex } from '../../../src/onnx';
import { GraphBuilder } from '../../lib/graph';

describe('the noise that came in', () => {
  const g = new GraphBuilder();
  const a = g.node('a', 'Relu', [g.input('x', [1, 4])]);
  const moved = g.node('flat', 'Flatten', [g.node('b', 'Sigmoid', [a])]);
  g.output(g.node('c', 'Add', [moved, a]));
  const model = g.build();
  const at = (name: string) => model.graph.node.find((n) => n.name === name)!.output[0]!;
  const layer = (name: string, signal: number, noise: number, made: number, values = 4) => ({
    ...{ name, output: at(name), values, signal, noise, made },
  });
  const found = noiseCameIn(new GraphIndex(model.graph), [
    layer('a', 4, 0.04, 0.04),
    layer('b', 1, 0.05, 0.03),
    layer('c', 5, 0.18, 0.06),
  ]);

  it('is what is there less what the layer makes', () => {
    expect(found.get('a')!.share).toBe(0);
    expect(found.get('b')!.share).toBeCloseTo(0.4, 12);
    expect(found.get('c')!.share).toBeCloseTo(2 / 3, 12);
  });

  it('is not known where it is not known what the layer makes', () => {
    const b = { ...layer('b', 1, 0.05, 0), made: null };
    const partly = noiseCameIn(new GraphIndex(model.graph), [layer('a', 4, 0.04, 0.04), b]);
    expect([...partly.keys()]).toEqual(['a']);
  });

  it('has grown as far as relative to the signal of all the layers before', () => {
    expect(found.get('a')!.gainDb).toBeNull();
    // 0.02 of 1 against 0.04 of 4
    expect(found.get('b')!.gainDb).toBeCloseTo(10 * Math.log10(2), 12);
    // 0.12 of 5 against 0.04 + 0.05 of 4 + 1, through the node that moves b
    expect(found.get('c')!.gainDb).toBeCloseTo(10 * Math.log10(0.024 / 0.018), 12);
  });
});

describe('the factor for layers with weights', () => {
  it.each([
    ['one layer deep', [1, 0, 0], 0.4],
    ['a chain', [1, 2, 5], 0.3],
    ['a chain that grows', [0.1, 0.2, 0.3], 40],
  ])('makes the noises add up: %s', (_, noises, total) => {
    let tried = 0;
    const sum = (all: number[]) => all.reduce((x, y) => x + y, 0);
    const found = solveFactor(
      (factor) => {
        tried++;
        return noises.map((noise, depth) => noise * factor ** (depth + 1));
      },
      sum,
      total,
    );
    expect(Math.abs(Math.log(sum(found) / total))).toBeLessThan(0.02);
    expect(tried).toBeLessThan(9);
  });

  it('stays within its bounds', () => {
    expect(
      solveFactor(
        (factor) => factor,
        (x) => x,
        1e9,
      ),
    ).toBeCloseTo(10, 0);
    expect(
      solveFactor(
        (factor) => factor,
        (x) => x,
        1e-9,
      ),
    ).toBeCloseTo(0.1, 1);
    expect(
      solveFactor(
        () => 0,
        (x) => x,
        1,
      ),
    ).toBe(0);
  });
});

describe('the correlation of neighbours', () => {
  const of = (noise: number[], dims: number[]) =>
    new NeighbourCorrelation().add(new Float32Array(noise.length), Float32Array.from(noise), dims)
      .value;

  it('is 1 where noise is the same everywhere, −1 where it alternates', () => {
    expect(of([2, 2, 2, 2, -1, -1, -1, -1], [1, 2, 2, 2])).toBe(1);
    expect(of([1, -1, -1, 1], [1, 1, 2, 2])).toBe(-1);
  });

  it('looks at neighbours to the right and below, by hand', () => {
    // pairs (1,2) (3,4) (1,3) (2,4): products 2 + 12 + 3 + 8, mean squares 2.5 + 12.5 + 5 + 10
    expect(of([1, 2, 3, 4], [1, 1, 2, 2])).toBeCloseTo(25 / 30, 12);
  });

  it('is not known without noise, and asks for places', () => {
    expect(of([0, 0, 0, 0], [1, 1, 2, 2])).toBeNull();
    expect(() => of([1, 2], [2])).toThrow(RangeError);
    expect(NeighbourCorrelation.fits([1, 8, 1, 1])).toBe(false);
  });
});
