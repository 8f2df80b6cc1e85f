import { computed, signal } from '@preact/signals';
import { mix, PALETTES, STEPS, type Theme } from './logic/scale';

/** The kind of theme that VS Code shows. */
export const theme = signal<Theme>('dark');
/** Goes up whenever colours may have changed: whatever draws on a canvas reads it. */
export const themeVersion = signal(0);
export const palette = computed(() => PALETTES[theme.value]);
export const reducedMotion = signal(false);

/** A VS Code colour by its variable's name without `--vscode-`, with a fallback of the same kind. */
export function themeColor(name: string, ...fallbacks: string[]): string {
  for (const candidate of [name, ...fallbacks]) {
    const value = variable(candidate);
    if (value) return value;
  }
  return variable('foreground') || 'gray';
}

const read = new Map<string, string>();

/** Computed styles are slow to ask, and a list draws fifty sparklines a frame: each is asked once a theme. */
function variable(name: string): string {
  const known = read.get(name);
  if (known !== undefined) return known;
  const style = getComputedStyle(document.documentElement);
  const value = style.getPropertyValue(`--vscode-${name}`).trim();
  read.set(name, value);
  return value;
}

/** Text of second rank on a canvas: as `--dim` in base.css, which a canvas and plotly cannot read. */
export function dimColor(): string {
  if (theme.value.startsWith('hc')) return themeColor('foreground');
  return mix(themeColor('foreground'), themeColor('editor-background'), 0.74);
}

function readTheme(): Theme {
  const classes = document.body.classList;
  // high contrast light carries both high-contrast classes
  if (classes.contains('vscode-high-contrast-light')) return 'hc-light';
  if (classes.contains('vscode-high-contrast')) return 'hc-dark';
  return classes.contains('vscode-light') ? 'light' : 'dark';
}

function apply(): void {
  read.clear();
  theme.value = readTheme();
  const { fill, ink } = PALETTES[theme.value];
  for (const step of STEPS) {
    document.body.style.setProperty(`--heat-${step}`, fill[step]);
    document.body.style.setProperty(`--ink-${step}`, ink[step]);
  }
  reducedMotion.value =
    document.body.classList.contains('vscode-reduce-motion') ||
    matchMedia('(prefers-reduced-motion: reduce)').matches;
  themeVersion.value++;
}

/** Follows VS Code's theme: its class on the body, its variables on the root element. */
export function followTheme(): void {
  apply();
  const observer = new MutationObserver(apply);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
}
