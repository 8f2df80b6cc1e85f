import { keep, query, select, selected, selectedRow, view, walk, act } from './store';

/** True while the key belongs to a control: text, a menu, a button. */
function inControl(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  return (
    target.closest('input, textarea, select, [role="menu"], [role="dialog"], .js-plotly-plot') !==
      null || target.getRootNode() instanceof ShadowRoot
  );
}

/** Controls that answer to Enter themselves. */
function pressable(event: KeyboardEvent): boolean {
  return (
    (event.target as Element).closest('button, a, vscode-button, [role="tab"], summary') !== null
  );
}

/** The one selection by keyboard: `Esc`, `↑ ↓`, `F`, `Enter`, `/` (UI.md). */
export function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === 'Escape') escape(event);
  if (event.key === 'Escape' || inControl(event)) return;
  switch (event.key) {
    case 'ArrowDown':
      step(event, 1);
      break;
    case 'ArrowUp':
      step(event, -1);
      break;
    case 'PageDown':
      step(event, 20);
      break;
    case 'PageUp':
      step(event, -20);
      break;
    case 'f':
    case 'F': {
      const row = selectedRow.value;
      if (row) keep([row.name], !row.kept);
      break;
    }
    case 'Enter':
      if (selected.value !== null && !pressable(event)) act('openRecipe', selected.value);
      break;
    case '/':
      focusSearch(event);
      break;
  }
}

function escape(event: KeyboardEvent): void {
  if (query.value && inControl(event)) query.value = '';
  else if (!inControl(event)) select(null);
}

function step(event: KeyboardEvent, by: number): void {
  const order = walk.value;
  if (order.length === 0) return;
  const at = order.findIndex((row) => row.name === selected.value);
  const to = at < 0 ? (by > 0 ? 0 : order.length - 1) : at + by;
  select(order[Math.max(0, Math.min(order.length - 1, to))]?.name ?? null);
  event.preventDefault();
}

function focusSearch(event: KeyboardEvent): void {
  event.preventDefault();
  const find = () => document.querySelector<HTMLElement>('.search');
  const here = find();
  if (here) {
    here.focus();
    return;
  }
  view.value = 'layers';
  requestAnimationFrame(() => find()?.focus());
}
