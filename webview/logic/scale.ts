/**
 * The one ordered error scale: step 0 is good and recedes into the background, step 5 is bad and stands out.
 * Lightness changes in one direction only, so it reads without colour vision; numbers stand in every cell.
 */
export type Theme = 'dark' | 'light' | 'hc-dark' | 'hc-light';
export type Step = 0 | 1 | 2 | 3 | 4 | 5;
export type Measure =
  | 'expected'
  | 'twoPass'
  | 'onlyWeights'
  | 'onlyInputs'
  | 'local'
  | 'accumulated'
  | 'onlyThis'
  | 'share'
  | 'costs'
  | 'clip'
  | 'used';

export const STEPS: readonly Step[] = [0, 1, 2, 3, 4, 5];

interface Edges {
  /** Boundaries from good to bad. */
  edges: readonly [number, number, number, number, number];
  /** True where a larger value is better. */
  higherIsBetter: boolean;
}

const SQNR: Edges = { edges: [40, 30, 20, 15, 10], higherIsBetter: true };

/** Where each measure passes from one step to the next. */
export const MEASURES: Record<Measure, Edges> = {
  local: SQNR,
  accumulated: SQNR,
  onlyThis: SQNR,
  expected: SQNR,
  twoPass: SQNR,
  onlyWeights: SQNR,
  onlyInputs: SQNR,
  share: { edges: [0.01, 0.05, 0.1, 0.2, 0.4], higherIsBetter: false },
  costs: { edges: [0.1, 0.3, 1, 2, 4], higherIsBetter: false },
  clip: { edges: [0.0001, 0.001, 0.01, 0.05, 0.1], higherIsBetter: false },
  used: { edges: [0.9, 0.7, 0.5, 0.25, 0.1], higherIsBetter: true },
};

/** The step of a value, or null where nothing was measured. */
export function step(measure: Measure, value: number | null | undefined): Step | null {
  if (value == null || Number.isNaN(value)) return null;
  const { edges, higherIsBetter } = MEASURES[measure];
  const passed = edges.filter((edge) => (higherIsBetter ? value < edge : value >= edge)).length;
  return passed as Step;
}

interface Palette {
  /** Cell colours from good to bad. */
  fill: readonly [string, string, string, string, string, string];
  /** Text on them. */
  ink: readonly [string, string, string, string, string, string];
}

/** The scale in each kind of theme; contrast and order are tested. */
export const PALETTES: Record<Theme, Palette> = {
  dark: {
    fill: ['#232a35', '#30415f', '#5b4a7d', '#a04c72', '#e0705a', '#fbc35c'],
    ink: ['#c4c9d1', '#dfe6f0', '#ffffff', '#ffffff', '#1b0d0a', '#241700'],
  },
  light: {
    fill: ['#f4f6f9', '#cfe0f0', '#ebc46c', '#e08c4a', '#bd4433', '#74122c'],
    ink: ['#2b3440', '#22303d', '#33260a', '#2b1405', '#ffffff', '#ffffff'],
  },
  'hc-dark': {
    fill: ['#000000', '#123a6b', '#5a3f96', '#b04a86', '#f07f62', '#ffd76a'],
    ink: ['#ffffff', '#ffffff', '#ffffff', '#ffffff', '#000000', '#000000'],
  },
  'hc-light': {
    fill: ['#ffffff', '#c9def4', '#efc763', '#e38d47', '#b3382b', '#650c26'],
    ink: ['#000000', '#000000', '#000000', '#000000', '#ffffff', '#ffffff'],
  },
};

/** A colour between two of `#rrggbb`, as `color-mix(in srgb, one share, other)`; `one` if either is written otherwise. */
export function mix(one: string, other: string, share: number): string {
  const hex = /^#[0-9a-f]{6}$/i;
  if (!hex.test(one) || !hex.test(other)) return one;
  const parts = [1, 3, 5].map((at) => {
    const [a, b] = [one, other].map((color) => parseInt(color.slice(at, at + 2), 16)) as [
      number,
      number,
    ];
    return Math.round(a * share + b * (1 - share))
      .toString(16)
      .padStart(2, '0');
  });
  return `#${parts.join('')}`;
}

/** Relative luminance of `#rrggbb` (WCAG 2, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance). */
export function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast ratio of two colours, 1…21. */
export function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}
