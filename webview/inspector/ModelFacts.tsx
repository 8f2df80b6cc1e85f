import { t } from '../l10n';
import { bytes, count } from '../logic/format';
import type { ValueSummary } from '../../src/protocol';
import { state } from './store';

const value = (v: ValueSummary) =>
  `${v.name}  ${v.type} ${v.shape.length ? v.shape.map((d) => d ?? '?').join('×') : ''}`;

/** What the file says of itself; stands in the panel while no layer is selected. */
export function ModelFacts() {
  const summary = state.value?.summary;
  if (!summary) return null;
  const macs = summary.layers.reduce((sum, layer) => sum + (layer.macs ?? 0), 0);
  const facts: [string, string][] = [
    [t('model.size'), bytes(summary.bytes)],
    [t('model.layers'), String(summary.layers.length)],
    [t('model.nodes'), String(summary.nodes)],
    [t('model.parameters'), count(summary.parameters)],
    [t('model.macs'), macs > 0 ? count(macs) : t('notMeasured')],
    [t('model.opset'), `${summary.opset} · IR ${summary.irVersion}`],
    [t('model.producer'), summary.producer || '–'],
  ];
  const domains = summary.domains.filter((d) => d.domain !== '' && d.domain !== 'ai.onnx');
  if (domains.length)
    facts.push([t('model.domains'), domains.map((d) => `${d.domain} ${d.version}`).join(', ')]);
  return (
    <>
      <h2>{state.value?.fileName}</h2>
      <dl class="pairs">
        {facts.map(([name, text]) => (
          <>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </>
        ))}
      </dl>
      <h3>{t('model.inputs')}</h3>
      {summary.inputs.map((input) => (
        <p key={input.name} class="mono">
          {value(input)}
        </p>
      ))}
      <h3>{t('model.outputs')}</h3>
      {summary.outputs.map((output) => (
        <p key={output.name} class="mono">
          {value(output)}
        </p>
      ))}
      <p class="dim hint">{t('panel.none')}</p>
      <p class="dim">
        <kbd>↑</kbd> <kbd>↓</kbd> {t('keys.layer')} · <kbd>F</kbd> {t('keys.keep')} ·{' '}
        <kbd>Enter</kbd> {t('menu.openRecipe')} · <kbd>/</kbd> {t('keys.find')}
      </p>
    </>
  );
}
