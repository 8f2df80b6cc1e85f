import type { ComponentChildren } from 'preact';
import type { Note } from '../../../src/protocol';
import { t } from '../../l10n';
import { byName, copy, select } from '../store';
import { Icon } from './marks';
import { Ticked } from './Ticked';

interface BlockProps {
  title: string;
  testid: string;
  children: ComponentChildren;
}

/** A titled part of the overview. */
export function Block({ title, testid, children }: BlockProps) {
  return (
    <section class="block" data-testid={testid}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

/** A line of code that loads the file, with a button that copies it. */
export function CopyLine({ name, text }: { name: string; text: string }) {
  return (
    <div class="copyline">
      <span class="dim">{name}</span>
      <code title={text}>{text}</code>
      <button
        type="button"
        class="icon"
        data-testid={`copy-${name}`}
        aria-label={t('copy.label', { what: name })}
        title={t('copy.label', { what: name })}
        onClick={() => void copy(text, name)}
      >
        <Icon name="copy" />
      </button>
    </div>
  );
}

const ICONS = { error: 'error', warning: 'warning', info: 'info' };
const RANK = { error: 0, warning: 1, info: 2 };

/** What a reader must know: errors first, each once. */
export function Notes({ notes }: { notes: readonly Note[] }) {
  const once = new Map(notes.map((note) => [`${note.code} ${note.message}`, note]));
  const sorted = [...once.values()].sort((a, b) => RANK[a.severity] - RANK[b.severity]);
  if (sorted.length === 0) return null;
  return (
    <Block title={t('overview.notes')} testid="notes">
      {sorted.slice(0, 50).map((note) => (
        <p key={`${note.code} ${note.message}`} class={`note ${note.severity}`} data-testid="note">
          <Icon name={ICONS[note.severity]} />
          <span>
            <Ticked text={note.message} />{' '}
            {note.remedy && (
              <span class="dim">
                <Ticked text={note.remedy} />
              </span>
            )}{' '}
            <NoteLayer layer={note.layer} />
          </span>
        </p>
      ))}
      {sorted.length > 50 && (
        <p class="dim small">{t('overview.moreNotes', { n: sorted.length - 50 })}</p>
      )}
    </Block>
  );
}

function NoteLayer({ layer }: { layer: string | undefined }) {
  if (layer === undefined || !byName.value.has(layer)) return null;
  return (
    <button type="button" class="link" onClick={() => select(layer)}>
      {t('overview.showLayer')}
    </button>
  );
}
