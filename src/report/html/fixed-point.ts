import type { RunResult } from '../../results';
import { escapeHtml } from '../figures/figure';
import { fixedSentence, fixedTable } from '../fixed';
import { name, section, table, type Cell } from './parts';

/** Every step of the target `fpga-fixed`: formats, sums, and how many codes are onnxruntime's; and what stays outside. */
export function fixedPoint({ fixed }: RunResult): string {
  if (!fixed) return '';
  const { columns, rows } = fixedTable(fixed);
  const cells = rows.map(([layer, ...rest]): Cell[] => [name(layer!), ...rest]);
  const notation =
    'Formats are Qm.n in ARM’s notation: m + n bits, the sign among the m. Sums are shifted right, rounded half to even, clamped.';
  const host = fixed.host.map(({ node, op, reason }): Cell[] => [name(node), op, reason]);
  const outside =
    host.length === 0
      ? ''
      : table([{ name: 'Outside, in float' }, { name: 'Operator' }, { name: 'Why' }], host);
  const content = [
    `<p>${escapeHtml(fixedSentence(fixed))}</p>`,
    table(columns, cells, notation),
    outside,
  ];
  return section('fixed', 'In fixed point', content.join('\n'));
}
