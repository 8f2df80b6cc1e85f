import type { RunResult } from '../../../src/protocol';
import { language, say, t } from '../../l10n';
import { bytes, count, db, fixed, percent, seconds, significant } from '../../logic/format';
import { metricValue } from '../../logic/measures';
import { proposals, worstRows, type Proposal } from '../../logic/proposals';
import { step } from '../../logic/scale';
import { verdict } from '../../logic/verdict';
import { age } from '../Failure';
import { Block, CopyLine, Notes } from '../parts/blocks';
import { Icon, PrecisionSwitch } from '../parts/marks';
import { act, keep, locked, rows, select, selected, state } from '../store';

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
        {result && <Worst />}
        {result && <Outputs result={result} />}
        <Notes notes={[...(result?.notes ?? []), ...(summary?.notes ?? [])]} />
      </div>
      <div class="column side">
        {result && <Limits result={result} />}
        {result?.size && <Budget size={result.size} />}
        {result?.latency && <Latency latency={result.latency} />}
        {result && <Provenance result={result} />}
        {result?.load && <Load load={result.load} output={result.output} />}
      </div>
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
        <Icon name="info" /> {t('overview.unmeasured')}
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
  const worst = worstRows(rows.value).slice(0, 5);
  if (worst.length === 0) return null;
  const most = worst[0]?.share ?? 0;
  return (
    <Block title={t('overview.worst')} testid="worst">
      <div class="table plain" role="grid" aria-label={t('overview.worst')}>
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
              {row.name}
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
                  <small>{fixed(row.share * 100, 0)} %</small>
                </span>
              )}
            </div>
            <div class="cell end n" role="gridcell" title={t('tip.costs')}>
              {row.costs === null ? '' : `+${fixed(row.costs, 1)} dB`}
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

function Limits({ result }: { result: RunResult }) {
  if (result.limits.length === 0) return null;
  return (
    <Block title={t('overview.limits')} testid="limits">
      {result.limits.map((limit) => {
        const [icon, tone] =
          limit.met === null
            ? ['question', 'warn']
            : limit.met
              ? ['pass', 'better']
              : ['error', 'worse'];
        return (
          <p key={limit.limit} class="limit" data-testid="limit" data-met={String(limit.met)}>
            <span class={tone}>
              <Icon name={icon} />
            </span>
            <code>{limit.limit}</code>
            <span class="n">{limit.got === null ? t('notMeasured') : significant(limit.got)}</span>
            <span class="dim n">{t('overview.limit', { wanted: significant(limit.wanted) })}</span>
          </p>
        );
      })}
    </Block>
  );
}

const SHADES = ['charts-blue', 'charts-green', 'charts-yellow', 'charts-purple', 'charts-orange'];

function Budget({ size }: { size: NonNullable<RunResult['size']> }) {
  const parts = [...size.parts].sort((a, b) => b.bytes - a.bytes);
  const shade = (i: number) => `var(--vscode-${SHADES[i % SHADES.length] ?? 'charts-blue'})`;
  const words = parts.map((part) => `${part.what} ${bytes(part.bytes)}`).join(', ');
  return (
    <Block title={t('overview.bytes')} testid="bytes">
      <div class="budget" role="img" aria-label={words}>
        <span class="dim">FP32</span>
        <span class="track">
          <i class="whole" style={{ width: '100%' }} />
        </span>
        <span class="n">{bytes(size.fp32)}</span>
        <span class="dim">INT8</span>
        <span class="track">
          {parts.map((part, i) => (
            <i
              key={part.what}
              title={`${part.what}: ${bytes(part.bytes)}`}
              style={{ width: `${(100 * part.bytes) / size.fp32}%`, background: shade(i) }}
            />
          ))}
        </span>
        <span class="n">{bytes(size.int8)}</span>
      </div>
      <p class="keyed small">
        {parts.map((part, i) => (
          <span key={part.what}>
            <i style={{ background: shade(i) }} /> {part.what}{' '}
            <span class="dim n">{bytes(part.bytes)}</span>
          </span>
        ))}
      </p>
    </Block>
  );
}

function Latency({ latency }: { latency: NonNullable<RunResult['latency']> }) {
  const most = Math.max(latency.fp32P99, latency.int8P99);
  const line = (name: string, p50: number, p99: number) => (
    <>
      <span class="dim">{name}</span>
      <span class="track">
        <i class={name === 'INT8' ? 'fast' : 'whole'} style={{ width: `${(100 * p50) / most}%` }} />
        <i class="tail" style={{ width: `${(100 * (p99 - p50)) / most}%` }} />
      </span>
      <span class="n">
        {significant(p50)} <span class="dim">/ {significant(p99)} ms</span>
      </span>
    </>
  );
  return (
    <Block title={t('overview.latency')} testid="latency">
      <div class="budget">
        {line('FP32', latency.fp32P50, latency.fp32P99)}
        {line('INT8', latency.int8P50, latency.int8P99)}
      </div>
      <p class="dim small">
        {t('overview.latencyHow', { threads: latency.threads, pairs: latency.pairs })}
      </p>
    </Block>
  );
}

function Provenance({ result }: { result: RunResult }) {
  const { calibration, accuracy, runtime, seconds: took } = result;
  const total = Object.values(took).reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const facts: [string, string][] = [
    [t('from.mode'), result.mode],
    [t('from.target'), result.target + (result.targetWasAuto ? ` (${t('from.auto')})` : '')],
    [
      t('from.calibration'),
      calibration
        ? t('from.samples', { source: calibration.source, n: calibration.samples })
        : t('from.noCalibration'),
    ],
    [
      t('from.accuracy'),
      accuracy
        ? t('from.metric', {
            metric: accuracy.metric,
            n: accuracy.n,
            value: metricValue(accuracy.metric, accuracy.int8),
          })
        : t('notMeasured'),
    ],
    [
      t('from.runtime'),
      `${runtime.name} ${runtime.version}, ${t('from.threads', { n: runtime.threads })}`,
    ],
    [t('from.file'), result.output ?? t('notMeasured')],
    [t('from.finished'), `${age(result.finishedAt)}${total > 0 ? `, ${seconds(total)}` : ''}`],
  ];
  return (
    <Block title={t('overview.provenance')} testid="provenance">
      <dl class="pairs">
        {facts.map(([name, text]) => (
          <>
            <dt>{name}</dt>
            <dd>
              {text}
              {name === t('from.calibration') && calibration?.random && (
                <span class="mark bad">{t('header.random')}</span>
              )}
            </dd>
          </>
        ))}
      </dl>
    </Block>
  );
}

function Load({ load, output }: { load: NonNullable<RunResult['load']>; output: string | null }) {
  const needs = [load.runtime, `opset ${load.opset}`, `IR ${load.irVersion}`, ...load.contribOps];
  return (
    <Block title={t('overview.load')} testid="load">
      <p class="small dim">
        {output ? `${output}: ` : ''}
        {needs.join(' · ')}
      </p>
      <CopyLine name="Python" text={load.python} />
      <CopyLine name="C++" text={load.cpp} />
      <CopyLine name="Node" text={load.node} />
    </Block>
  );
}
