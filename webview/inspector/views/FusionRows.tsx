import type {
  FusionBlocker,
  FusionCandidate,
  FusionStatus,
  QuantizationBreak,
} from '../../../src/protocol';
import { t } from '../../l10n';
import { bytes, ms } from '../../logic/format';
import type { FusionLine } from '../../logic/fusions';
import { Icon, Name } from '../parts/marks';
import { select } from '../store';

const ICONS: Record<FusionStatus, string> = {
  blocked: 'circle-slash',
  will: 'arrow-right',
  done: 'check',
};
/** So many nodes of a float island are drawn. */
const DRAWN = 4;

interface Place {
  style: { transform: string };
  on: boolean;
}

/** One line of the view of fusions. */
export function FusionRow({ line, style, on }: { line: FusionLine } & Place) {
  switch (line.kind) {
    case 'part':
      return (
        <div class="row part" style={style} data-testid={`fusions-${line.part}`}>
          <h3>
            {t(`fusions.${line.part}`)} <span>{line.count}</span>
          </h3>
          <span class="dim small">{t(`fusions.${line.part}Tip`)}</span>
        </div>
      );
    case 'group':
      return (
        <div class="row group" style={style} data-testid="fusions-group">
          <h4>
            {line.pattern} <span>{line.count}</span>
          </h4>
          <p class="dim" data-testid="fusions-says">
            {line.first.blockedBy
              ? blockerText('free', line.first.blockedBy)
              : t(`fusions.gain.${line.pattern}`)}
            {line.status === 'will' && (
              <small data-testid="fusions-by"> {makers(line.first)}</small>
            )}
          </p>
        </div>
      );
    case 'why':
      return (
        <div class="row group" style={style} data-testid="breaks-group">
          <h4>
            {line.first.op || t('fusions.break.codes')} <span>{line.count}</span>
          </h4>
          <p class="dim">
            {t(`fusions.break.${line.first.code}`, { op: line.first.op })}{' '}
            {t(`fusions.unbreak.${line.first.code}`, { op: line.first.op })}
          </p>
        </div>
      );
    case 'fusion':
      return <Fusion fusion={line.fusion} style={style} on={on} />;
    case 'break':
      return <Break found={line.found} style={style} on={on} />;
  }
}

/** Why a node is in the way, or what would free it. */
function blockerText(what: 'why' | 'free', { code, tensor, op, value }: FusionBlocker): string {
  return t(`fusions.${what}.${code}`, {
    tensor: tensor ?? '',
    op: op ?? '',
    value: value ?? '',
  });
}

function Fusion({ fusion, style, on }: { fusion: FusionCandidate } & Place) {
  const { status, layer, nodes, blockedBy } = fusion;
  const apart = blockedBy && !nodes.some((node) => node.name === blockedBy.node);
  return (
    <div
      class={`row fusion ${status} ${on ? 'on' : ''}`}
      role="listitem"
      style={style}
      data-testid="fusion-row"
      data-status={status}
      data-layer={layer}
      onClick={() => select(layer)}
    >
      <Icon name={ICONS[status]} />
      <LayerLink layer={layer} />
      <div class="chain" role="img" aria-label={nodes.map((n) => `${n.op} ${n.name}`).join(' → ')}>
        {nodes.map((node, i) => (
          <Node key={node.name} {...node} first={i === 0} cut={blockedBy?.node === node.name} />
        ))}
        {apart && <Node name={blockedBy.node} op={blockedBy.node} first={false} cut />}
      </div>
      <div class="why">
        <Why fusion={fusion} />
      </div>
    </div>
  );
}

/** Who will do it: the runtime with its level of optimization, or our passes. */
function makers({ by }: FusionCandidate): string {
  return by
    .map(({ who, name, level }) =>
      who === 'pass'
        ? t('fusions.byPass', { name })
        : t('fusions.byRuntime', { name, level: level ?? '' }),
    )
    .join('; ');
}

/** What is in the way; what does it now, and what that saves. */
function Why({ fusion }: { fusion: FusionCandidate }) {
  const { status, blockedBy, alone, into, estimate } = fusion;
  if (blockedBy)
    return (
      <p data-testid="fusion-why">
        <b>{blockedBy.node}</b> {blockerText('why', blockedBy)}
      </p>
    );
  const saved =
    estimate.passes > 0 && estimate.bytes !== null
      ? t('fusions.saves', { bytes: bytes(estimate.bytes) })
      : '';
  if (status === 'done')
    return (
      <p data-testid="fusion-into">
        {into ? `→ ${into.op}` : t('fusions.gone')} <small class="dim">{saved}</small>
      </p>
    );
  return (
    <>
      <p>
        <small class="dim">{saved}</small>
      </p>
      {alone && (
        <p class="dim small">
          {t('fusions.alone')} <b>{alone.node}</b> {blockerText('why', alone)}
        </p>
      )}
    </>
  );
}

function Break({ found, style, on }: { found: QuantizationBreak } & Place) {
  const { layer, nodes, conversions, conversionMs, floatMs } = found;
  const drawn = nodes.slice(0, DRAWN);
  const names = conversions.map((c) => `${c.op} ${c.tensor}`).join('\n');
  return (
    <div
      class={`row fusion broken ${on ? 'on' : ''}`}
      role="listitem"
      style={style}
      data-testid="break-row"
      data-layer={layer}
      onClick={() => select(layer)}
    >
      <Icon name="warning" />
      <LayerLink layer={layer} />
      <div class="chain" role="img" aria-label={nodes.map((n) => `${n.op} ${n.name}`).join(' → ')}>
        <span class="node integer">INT8</span>
        {drawn.map((node) => (
          <Node key={node.name} {...node} first={false} cut={false} />
        ))}
        {nodes.length > DRAWN && (
          <Node
            name={nodes.map(({ name }) => name).join(', ')}
            op={t('fusions.moreNodes', { n: nodes.length - DRAWN })}
            first={false}
            cut={false}
          />
        )}
        <span class="step">
          <i />
          <span class="node integer">INT8</span>
        </span>
      </div>
      <div class="why">
        <p title={names}>
          {t('fusions.conversions', { n: conversions.length })}
          {found.bytes !== null && `, ${bytes(found.bytes)}`}
          {conversionMs !== null && `, ${ms(conversionMs)}`}
          {floatMs !== null && nodes.length > 0 && (
            <small class="dim"> {t('fusions.inFloat', { time: ms(floatMs) })}</small>
          )}
        </p>
      </div>
    </div>
  );
}

function LayerLink({ layer }: { layer: string }) {
  return (
    <button type="button" class="link what" tabIndex={-1}>
      <Name name={layer} />
    </button>
  );
}

interface NodeProps {
  name: string;
  op: string;
  /** Nothing stands before it. */
  first: boolean;
  /** It is what keeps the others apart. */
  cut: boolean;
}

function Node({ name, op, first, cut }: NodeProps) {
  return (
    <span class="step">
      {!first && <i class={cut ? 'cut' : ''} />}
      <span class={`node ${cut ? 'blocker' : ''}`} title={op === name ? name : `${op} ${name}`}>
        {op === 'BatchNormalization' ? 'BatchNorm' : op}
      </span>
    </span>
  );
}
