import type { FixedResult, FixedStepResult, Note } from '../results';

/** So many names stand in a sentence. */
const NAMES = 3;

/**
 * What must be known of a model in fixed point: codes that are not onnxruntime's, sums that the accumulator cannot hold,
 * and what stays outside.
 * @param integer layers that the written file has in INT8
 * @param interrupted codes come back from the host in the middle of the design
 */
export function fixedNotes(
  fixed: FixedResult,
  integer: ReadonlySet<string>,
  interrupted: boolean,
): Note[] {
  return [
    ...differences(fixed),
    ...tooNarrow(fixed),
    ...notRun(fixed),
    ...outside(fixed, integer, interrupted),
  ];
}

function differences({ steps, samples }: FixedResult): Note[] {
  const differing = steps.filter((s) => s.different > 0);
  const inexact = differing.filter((s) => !s.exact);
  const wrong = differing.filter((s) => s.exact);
  const notes: Note[] = wrong.slice(0, NAMES).map((step) => ({
    code: 'fixed-differs',
    severity: 'error',
    message: `${countsOf(step, samples)}, though float32 holds its sums exactly.`,
    layer: step.layer,
    remedy: 'This is an error of Vernier: please report it with the model.',
  }));
  for (const step of inexact.slice(0, NAMES))
    notes.push({
      code: 'fixed-differs',
      severity: 'warning',
      message: `${countsOf(step, samples)}: its sums need ${step.worstBits} bits, of which onnxruntime's float32 holds 24. The export has the exact ones.`,
      layer: step.layer,
      remedy: 'Trust the integers, or keep the layer in FP32.',
    });
  return notes;
}

function countsOf({ layer, different, values, largest }: FixedStepResult, samples: number): string {
  return `'${layer}': ${different} of ${values} codes on ${samples} samples are not onnxruntime's, by ${largest} at most`;
}

function tooNarrow({ steps, accumulatorBits, samples }: FixedResult): Note[] {
  const narrow = steps.filter((s) => s.worstBits > accumulatorBits);
  if (narrow.length === 0) return [];
  const beyond = narrow.reduce((sum, s) => sum + s.beyond, 0);
  const most = Math.max(...narrow.map((s) => s.worstBits));
  const measured =
    samples === 0
      ? 'nothing was run'
      : beyond === 0
        ? `on ${samples} samples every sum fitted`
        : `on ${samples} samples ${beyond} sums did not fit`;
  return [
    {
      code: 'accumulator-too-narrow',
      severity: beyond > 0 || samples === 0 ? 'warning' : 'info',
      message: `Sums of ${namesOf(narrow.map((s) => s.layer))} can need up to ${most} bits, the accumulator has ${accumulatorBits}; ${measured}.`,
      layer: narrow.reduce((a, b) => (b.worstBits > a.worstBits ? b : a)).layer,
      remedy: `Set fixed: { accumulator_bits: ${most} }, or keep these layers in FP32.`,
    },
  ];
}

function notRun({ samples }: FixedResult): Note[] {
  if (samples > 0) return [];
  return [
    {
      code: 'fixed-not-run',
      severity: 'warning',
      message:
        'The integers were not run beside onnxruntime: there is no sample, or one takes too long.',
      remedy: 'Add evaluate: { data: … } to the recipe.',
    },
  ];
}

function outside(
  { host }: FixedResult,
  integer: ReadonlySet<string>,
  interrupted: boolean,
): Note[] {
  if (host.length === 0) return [];
  const notes: Note[] = [
    {
      code: 'fixed-host',
      severity: interrupted ? 'warning' : 'info',
      message: `${namesOf(host.map((h) => `${h.node} (${h.op})`))} ${host.length === 1 ? 'stays' : 'stay'} in float, outside of the fixed-point design${interrupted ? ', and codes enter it again behind' : ''}.`,
      layer: host[0]!.node,
      remedy: 'Replace them by operators of docs/operators.md, or run them on the host.',
    },
  ];
  for (const { node, op } of host.filter((h) => integer.has(h.node)).slice(0, NAMES))
    notes.push({
      code: 'fixed-no-step',
      severity: 'warning',
      message: `'${node}' is INT8 in the file, and this form of ${op} has no integer step: the host has to run it.`,
      layer: node,
      remedy: `Add '${node}' to keep_fp32, so that the file says the same.`,
    });
  return notes;
}

function namesOf(all: readonly string[]): string {
  const shown = all.slice(0, NAMES).map((name) => `'${name}'`);
  const more = all.length > NAMES ? ` and ${all.length - NAMES} more` : '';
  return `${shown.join(', ')}${more}`;
}
