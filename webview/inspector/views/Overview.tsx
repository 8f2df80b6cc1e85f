import type { RunResult } from '../../../src/protocol';
import { language, say, t } from '../../l10n';
import { bytes, count, db, fixed, percent, signed, significant } from '../../logic/format';
import { foundNotes } from '../../logic/found-notes';
import { proposals, worstRows, type Proposal } from '../../logic/proposals';
import { step } from '../../logic/scale';
import { verdict } from '../../logic/verdict';
import { age } from '../Failure';
import { Block, Notes } from '../parts/blocks';
import { Icon, Name, PrecisionSwitch } from '../parts/marks';
import { act, keep, locked, rows, select, selected, state } from '../store';
import { OverviewExisting } from './OverviewExisting';
import { OverviewFixed } from './OverviewFixed';
import { OverviewFile } from './OverviewFile';
import { OverviewPlans } from './OverviewPlans';
import { OverviewElsewhere } from './OverviewElsewhere';
import { OverviewSide } from './OverviewSide';

const ICONS = { good: 'pass', bad: 'error', warn: 'warning', plain: 'info' };

/** Is it good enough to ship? */
export function OverviewView() {
  const now = state.value;
  if (!now) return null;
  const { result, summary } = now;
  return (
    <div class="overview" tabIndex={0}>
      <div class="column">
        {result ? <Verdict result={result} /> : <Unmeasured />}
        <Next />
        {now.mixed && <OverviewPlans mixed={now.mixed} when={now.mixedWhen} />}
        {result && <Worst />}
        {result && <Outputs result={result} />}
        {result && <OverviewElsewhere result={result} />}
        <Notes notes={[...(result?.notes ?? []), ...(summary?.notes ?? []), ...foundNotes(now)]} />
      </div>
      <div class="column side">{result ? <OverviewSide result={result} /> : <OverviewFile />}</div>
      {result?.fixed && (
        <div class="column whole">
          <OverviewFixed fixed={result.fixed} />
        </div>
      )}
      {summary?.quantized && (
        <div class="column whole">
          <OverviewExisting found={summary.quantized} />
        </div>
      )}
    </div>
  );
}

function Verdict({ result }: { result: RunResult }) {
  const { tone, headline, sentences } = verdict(result);
  const now = state.value;
  const old = now?.failure != null || now?.recipe.dirtySinceResult;
  return (
    <section class={`verdict ${tone}`} data-testid="verdict" data-tone={tone}>
      <h2>
        <Icon name={ICONS[tone]} /> {say(headline)}
      </h2>
      <p>{sentences.map(say).join(language.value.startsWith('zh') ? '' : ' ')}</p>
      {old && (
        <p class="dim small" data-testid="age">
          {t('overview.age', { age: age(result.finishedAt) })}
        </p>
      )}
    </section>
  );
}

function Unmeasured() {
  const summary = state.value?.summary;
  const weighted = summary?.layers.filter((layer) => layer.weight).length ?? 0;
  return (
    <section class="verdict plain" data-testid="verdict" data-tone="none">
      <h2>
        <Icon name="info" /> {t(summary?.quantized ? 'existing.headline' : 'overview.unmeasured')}
      </h2>
      {summary && (
        <p>
          {t('overview.unmeasuredMore', {
            layers: summary.layers.length,
            weighted,
            parameters: count(summary.parameters),
            size: bytes(summary.bytes),
          })}
        </p>
      )}
    </section>
  );
}

function Next() {
  const now = state.value;
  if (!now) return null;
  const all = proposals(now, rows.value);
  if (all.length === 0) return null;
  return (
    <Block title={t('overview.next')} testid="proposals">
      <ol class="proposals">
        {all.map((proposal, i) => (
          <li key={proposal.id} data-testid={`proposal-${proposal.id}`}>
            <vscode-button
              appearance={i === 0 ? 'primary' : 'secondary'}
              disabled={
                locked.value &&
                !(proposal.does.kind === 'action' && proposal.does.action === 'openRecipe')
              }
              onClick={() => run(proposal)}
            >
              {say(proposal.label)}
            </vscode-button>
            <span>{say(proposal.why)}</span>
          </li>
        ))}
      </ol>
    </Block>
  );
}

function run({ does }: Proposal): void {
  if (does.kind === 'keep') keep(does.layers, does.keep);
  else act(does.action);
}

function Worst() {
  const worst = worstRows(rows.value)
    .filter((row) => (row.share ?? 0) >= 0.005 || (row.costs ?? 0) >= 0.05)
    .slice(0, 5);
  if (worst.length === 0) return null;
  const most = Math.max(0, ...worst.map((row) => row.share ?? 0));
  return (
    <Block title={t('overview.worst')} testid="worst">
      <div class="table plain" role="grid" aria-label={t('overview.worst')}>
        <div class="row heading" role="row">
          {[
            '',
            t('col.name'),
            t('col.kind'),
            t('col.accumulated'),
            t('errors.share'),
            t('col.costs'),
          ].map((name, i) => (
            <div key={i} class={`cell ${i === 3 || i === 5 ? 'end' : ''}`} role="columnheader">
              {name}
            </div>
          ))}
        </div>
        {worst.map((row) => (
          <div
            key={row.name}
            class={`row five ${row.name === selected.value ? 'on' : ''}`}
            role="row"
            data-testid="worst-row"
            data-layer={row.name}
            aria-selected={row.name === selected.value}
            onClick={() => select(row.name)}
          >
            <div class="cell" role="gridcell">
              <PrecisionSwitch row={row} />
            </div>
            <div class="cell c-name" role="gridcell">
              <Name name={row.name} />
            </div>
            <div class="cell c-kind" role="gridcell">
              {row.kind}
            </div>
            <div
              class="cell end heat"
              role="gridcell"
              data-step={step('accumulated', row.accumulated) ?? undefined}
              title={t('tip.accumulated')}
            >
              {db(row.accumulated)}
            </div>
            <div class="cell" role="gridcell" title={t('tip.share')}>
              {row.share !== null && (
                <span class="bar">
                  <i style={{ width: `${most > 0 ? (row.share / most) * 60 : 0}%` }} />
                  <small>
                    {row.shareBy !== 'exact' && '≈ '}
                    {fixed(row.share * 100, 0)} %
                  </small>
                </span>
              )}
            </div>
            <div class="cell end n" role="gridcell" title={t('tip.costs')}>
              {row.costs === null ? '' : signed(row.costs, 1)}
            </div>
          </div>
        ))}
      </div>
    </Block>
  );
}

function Outputs({ result }: { result: RunResult }) {
  if (result.outputs.length === 0) return null;
  const on = result.evaluatedOn;
  return (
    <Block title={t('overview.outputs')} testid="outputs">
      <table class="mini wide">
        <thead>
          <tr>
            <th>{t('outputs.name')}</th>
            <th class="n">SQNR, dB</th>
            <th class="n">{t('col.cosine')}</th>
            <th class="n">{t('col.maxAbs')}</th>
            <th class="n">{t('outputs.meanAbs')}</th>
            <th class="n">{t('outputs.within')}</th>
          </tr>
        </thead>
        <tbody>
          {result.outputs.map((output) => (
            <tr key={output.name}>
              <th scope="row">{output.name}</th>
              <td class="n heat" data-step={step('accumulated', output.sqnrDb) ?? undefined}>
                {db(output.sqnrDb)}
              </td>
              <td class="n">{fixed(output.cosine, 5)}</td>
              <td class="n">{significant(output.maxAbs)}</td>
              <td class="n">{significant(output.meanAbs)}</td>
              <td
                class="n"
                title={t('outputs.tolerance', {
                  atol: significant(output.atol),
                  rtol: significant(output.rtol),
                })}
              >
                {percent(output.within)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {on && (
        <p class="dim small">
          {t(on.heldBack ? 'overview.heldBack' : 'overview.evaluatedOn', {
            n: on.samples,
            source: on.source,
          })}
        </p>
      )}
    </Block>
  );
}
