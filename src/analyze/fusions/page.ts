import { table } from '../../quantize/operators/page';
import type { Fuser, FusionBlockerCode } from '../../results';
import { BLOCKERS } from './blockers';
import { FUSIONS } from './table';

const INTRODUCTION = `# Fusions

Which nodes can run as one, who makes one of them, and what may be in the way. This page is written from the table in
\`src/analyze/fusions\` by \`node scripts/operators.mjs\`. \`test/analyze/fusions\` builds small graphs of every row, with and
without what blocks it, and compares what is said of them with the graph that onnxruntime makes; it does the same with
every open model, as it comes and quantized.

- \`vernier fusions MODEL\` and \`vernier inspect MODEL\` list them for a file; the former reads the graph that onnxruntime
  makes of that file, and says \`done\` only of what it shows.
- **runtime** has the lowest level of graph optimization at which onnxruntime's CPU provider does it; **pass** is a pass of
  ours, which does it when the model is quantized; a row without **runtime** comes about no other way.
- Initializers that are inputs of the model too are no constants to onnxruntime (from IR version 4 on). Our passes take
  them for constants: they make such fusions possible.
- The blocked layout, in which a residual sum runs in the convolution before it, exists on x86-64.
- Bodies of If, Loop and Scan are not looked at.
- \`vernier fusions MODEL --measure\` and *Measure Gain* in the inspector time the model without one of the runtime's
  optimizers after the other (onnxruntime's session option \`optimization.disable_specified_optimizers\`) against the same
  with all of them: interleaved runs in processes of their own, the median of the pairs and its interval. What comes apart
  without one is read from the graph that is made then. An optimizer without which nothing comes apart is named and not
  timed. Pairs of Transpose have no gain of their own: onnxruntime moves them whatever is disabled.`;

/** The documentation of the table of fusions, in Markdown that prettier has yet to align. */
export function fusionsPage(): string {
  const rows = FUSIONS.map((row) => [
    [row.name, ...(row.also ?? [])].join(', '),
    row.what,
    row.by.map(maker).join('; '),
    row.into.length > 0 ? row.into.join(', ') : 'nothing, or what is between',
    row.blockers.map((code) => `\`${code}\``).join(', '),
  ]);
  const codes = Object.entries(BLOCKERS).map(([code, { says, remedy }]) => [
    `\`${code as FusionBlockerCode}\``,
    says,
    remedy,
  ]);
  return [
    INTRODUCTION,
    table(['Fusion', 'Nodes', 'By', 'Becomes', 'May be blocked by'], rows),
    '## What blocks',
    table(['Code', 'What it means', 'What frees it'], codes),
    '',
  ].join('\n\n');
}

function maker({ who, name, level }: Fuser): string {
  return who === 'pass' ? `pass: ${name}` : `runtime, ${level}: ${name}`;
}
