import { describe, expect, test } from 'vitest';
import {
  contrast,
  luminance,
  MEASURES,
  mix,
  PALETTES,
  step,
  STEPS,
  type Measure,
  type Theme,
} from '../../webview/logic/scale';

const THEMES = Object.keys(PALETTES) as Theme[];

describe('the error scale', () => {
  test.each(THEMES)('%s: lightness has one direction', (theme) => {
    const lights = PALETTES[theme].fill.map(luminance);
    const order = [...lights].sort((a, b) => (theme.includes('dark') ? a - b : b - a));
    expect(lights).toEqual(order);
    lights
      .slice(1)
      .forEach((light, i) => expect(contrast2(light, lights[i] ?? 0)).toBeGreaterThan(1.15));
  });

  test.each(THEMES)('%s: numbers can be read on every step', (theme) => {
    for (const at of STEPS)
      expect(contrast(PALETTES[theme].fill[at], PALETTES[theme].ink[at])).toBeGreaterThan(4.5);
  });

  test.each([
    ['accumulated', 150, 0],
    ['accumulated', 40, 0],
    ['accumulated', 39.9, 1],
    ['accumulated', 20, 2],
    ['accumulated', 10, 4],
    ['accumulated', 9.9, 5],
    ['accumulated', -3, 5],
    ['share', 0, 0],
    ['share', 0.44, 5],
    ['clip', 0, 0],
    ['clip', 0.0021, 2],
    ['used', 1, 0],
    ['used', 0.05, 5],
    ['costs', 2.6, 4],
  ] as [Measure, number, number][])('%s %s is step %s', (measure, value, at) => {
    expect(step(measure, value)).toBe(at);
  });

  test('what was not measured has no step', () => {
    expect(step('local', null)).toBeNull();
    expect(step('local', NaN)).toBeNull();
  });

  test('edges go from good to bad', () => {
    for (const { edges, higherIsBetter } of Object.values(MEASURES))
      expect([...edges].sort((a, b) => (higherIsBetter ? b - a : a - b))).toEqual([...edges]);
  });

  test('mixing two colours', () => {
    expect(mix('#ffffff', '#000000', 0.5)).toBe('#808080');
    expect(mix('#cccccc', '#1f1f1f', 1)).toBe('#cccccc');
    expect(mix('rgba(0, 0, 0, .5)', '#ffffff', 0.5)).toBe('rgba(0, 0, 0, .5)');
  });
});

function contrast2(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}
