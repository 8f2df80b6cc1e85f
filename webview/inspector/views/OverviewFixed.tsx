import type { FixedResult, FixedStepResult } from '../../../src/protocol';
import { t } from '../../l10n';
import { bytes, whole } from '../../logic/format';
import { Block } from '../parts/blocks';
import { Name } from '../parts/marks';

const COLUMNS = [
  ['fixed.input', ''],
  ['fixed.weight', ''],
  ['fixed.bias', ''],
  ['fixed.accumulator', ''],
  ['fixed.output', ''],
  ['fixed.shift', 'n'],
  ['fixed.bits', 'n'],
  ['fixed.equal.head', 'n'],
] as const;

/** The target fpga-fixed: every step with its formats, the bits of its sums, and whether its codes are the runtime's. */
export function OverviewFixed({ fixed }: { fixed: FixedResult }) {
  const { steps, samples, source, host, files } = fixed;
  const sum = (of: (step: FixedStepResult) => number) => steps.reduce((all, s) => all + of(s), 0);
  const different = sum((s) => s.different);
  const numbers = {
    steps: whole(steps.length),
    values: whole(sum((s) => s.values)),
    different: whole(different),
    n: samples,
    source,
  };
  const key = samples === 0 ? 'fixed.notRun' : different === 0 ? 'fixed.equal' : 'fixed.differs';
  return (
    <Block title={t('fixed.title')} testid="fixed">
      <p data-testid="fixed-says">
        {t(key, numbers)}
        <br />
        <span class="dim small">
          {t('fixed.files', {
            files: files.map((f) => `${f.name} (${bytes(f.bytes)})`).join(', '),
          })}{' '}
          {t('fixed.notation')}
        </span>
      </p>
      <div style={{ overflowX: 'auto' }} tabIndex={0}>
        <table class="mini wide" data-testid="fixed-table">
          <thead>
            <tr>
              <th>{t('col.name')}</th>
              {COLUMNS.map(([column, kind]) => (
                <th key={column} class={kind}>
                  {t(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {steps.map((step, i) => (
              <Row key={i} step={step} fixed={fixed} />
            ))}
          </tbody>
        </table>
      </div>
      {host.length > 0 && (
        <p data-testid="fixed-host">
          {t('fixed.host')}{' '}
          {host.map(({ node, op, reason }) => `${node} (${op}): ${reason}`).join(' · ')}
        </p>
      )}
    </Block>
  );
}

function Row({ step, fixed }: { step: FixedStepResult; fixed: FixedResult }) {
  const { shift, worstBits, measuredBits, values, different, beyond } = step;
  const tooWide = worstBits > fixed.accumulatorBits;
  const bits = measuredBits === null ? String(worstBits) : `${worstBits} / ${measuredBits}`;
  const shifts = shift && (shift.low === shift.high ? shift.low : `${shift.low} … ${shift.high}`);
  const bitsTip = t('fixed.bitsTip', { bits: fixed.accumulatorBits, beyond: whole(beyond) });
  return (
    <tr data-testid="fixed-row">
      <th scope="row" title={step.op}>
        <Name name={step.layer} />
      </th>
      <td>{step.inputs.join(', ')}</td>
      <td>{step.weight ?? ''}</td>
      <td>{step.bias ?? ''}</td>
      <td>{step.accumulator}</td>
      <td>{step.output}</td>
      <td class="n">{shifts ?? ''}</td>
      <td class="n" title={bitsTip}>
        {tooWide ? (
          <b>
            {bits} &gt; {fixed.accumulatorBits}
          </b>
        ) : (
          bits
        )}
      </td>
      <td class="n">
        {values === 0
          ? ''
          : different === 0
            ? t('fixed.all', { values: whole(values) })
            : t('fixed.some', { different: whole(different), values: whole(values) })}
      </td>
    </tr>
  );
}
