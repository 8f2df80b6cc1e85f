import type { RunResult } from '../../../src/protocol';
import { t } from '../../l10n';
import { bytes, fileName, plain, seconds, significant, threads } from '../../logic/format';
import { metricName, metricValue } from '../../logic/measures';
import { formatName } from '../../logic/words';
import { age } from '../Failure';
import { Block, CopyLine } from '../parts/blocks';
import { Icon } from '../parts/marks';
import { OverviewCalibration } from './OverviewCalibration';
import { OverviewChoice } from './OverviewChoice';
import { OverviewSearch } from './OverviewSearch';
import { OverviewTimes } from './OverviewTimes';

/** What was asked for, what it costs, where it comes from, and how to load it. */
export function OverviewSide({ result }: { result: RunResult }) {
  return (
    <>
      <Limits result={result} />
      {result.size && <Budget size={result.size} name={formatName(result)} />}
      {result.latency && <Latency latency={result.latency} name={formatName(result)} />}
      {result.search && <OverviewSearch search={result.search} />}
      {result.choice && <OverviewChoice choice={result.choice} />}
      <OverviewCalibration result={result} />
      <Provenance result={result} />
      {result.load && <Load load={result.load} output={result.output} />}
    </>
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
              : ['error', 'loud'];
        return (
          <p key={limit.limit} class="limit" data-testid="limit" data-met={String(limit.met)}>
            <span class={tone}>
              <Icon name={icon} />
            </span>
            <code>{limit.limit}</code>
            <span class="n">{limit.got === null ? t('notMeasured') : plain(limit.got)}</span>
            <span class="dim n">{t('overview.limit', { wanted: plain(limit.wanted) })}</span>
          </p>
        );
      })}
    </Block>
  );
}

const SHADES = ['charts-blue', 'charts-green', 'charts-yellow', 'charts-purple', 'charts-orange'];

interface BudgetProps {
  size: NonNullable<RunResult['size']>;
  /** The written model's format. */
  name: string;
}

function Budget({ size, name }: BudgetProps) {
  const parts = [...size.parts].sort((a, b) => b.bytes - a.bytes);
  const shade = (i: number) =>
    i < SHADES.length ? `var(--vscode-${SHADES[i] ?? ''})` : 'var(--dim)';
  const words = parts.map((part) => `${part.what} ${bytes(part.bytes)}`).join(', ');
  return (
    <Block title={t('overview.bytes')} testid="bytes">
      <div class="budget" role="img" aria-label={words}>
        <span class="dim">FP32</span>
        <span class="track">
          <i class="whole" style={{ width: '100%' }} />
        </span>
        <span class="n">{bytes(size.fp32)}</span>
        <span class="dim">{name}</span>
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

interface LatencyProps {
  latency: NonNullable<RunResult['latency']>;
  name: string;
}

function Latency({ latency, name: written }: LatencyProps) {
  // a tail ten times the median would leave no length to compare
  const slowest = Math.max(latency.fp32P50, latency.int8P50);
  const most = Math.min(3 * slowest, Math.max(latency.fp32P99, latency.int8P99));
  const line = (name: string, p50: number, p99: number) => (
    <>
      <span class="dim">{name}</span>
      <span class="track">
        <i class={name === 'FP32' ? 'whole' : 'fast'} style={{ width: `${(100 * p50) / most}%` }} />
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
        {line(written, latency.int8P50, latency.int8P99)}
      </div>
      <p class="dim small">
        {t('overview.latencyHow', { threads: threads(latency.threads), pairs: latency.pairs })}
      </p>
      {latency.profile && <OverviewTimes profile={latency.profile} name={written} />}
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
            metric: metricName(accuracy),
            n: accuracy.n,
            value: metricValue(accuracy, accuracy.int8),
          })
        : t('notMeasured'),
    ],
    ...(result.layerSamples === null
      ? []
      : [[t('from.layers'), t('ranges.samples', { n: result.layerSamples })] as [string, string]]),
    [
      t('from.runtime'),
      t('from.runtimeIs', {
        runtime: `${runtime.name} ${runtime.version}`,
        threads: threads(runtime.threads),
      }),
    ],
    [t('from.file'), result.output === null ? t('notMeasured') : fileName(result.output)],
  ];
  if (result.complete)
    facts.push([
      t('from.finished'),
      `${age(result.finishedAt)}${total > 0 ? `, ${seconds(total)}` : ''}`,
    ]);
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
        {output === null ? '' : `${fileName(output)}: `}
        {needs.join(' · ')}
      </p>
      <CopyLine name="Python" text={load.python} />
      <CopyLine name="C++" text={load.cpp} />
      <CopyLine name="Node" text={load.node} />
    </Block>
  );
}
