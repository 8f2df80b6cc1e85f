interface Segment<T> {
  value: T;
  text: string;
  testid: string;
  disabled?: boolean;
}

interface Props<T> {
  label: string;
  value: T;
  segments: readonly Segment<T>[];
  onChoose: (value: T) => void;
}

/** A choice of one among a few, side by side. */
export function Segments<T>({ label, value, segments, onChoose }: Props<T>) {
  return (
    <div class="segments" role="radiogroup" aria-label={label}>
      {segments.map((each) => (
        <button
          key={each.testid}
          type="button"
          role="radio"
          class={each.value === value ? 'on' : ''}
          aria-checked={each.value === value}
          data-testid={each.testid}
          disabled={each.disabled}
          onClick={() => onChoose(each.value)}
        >
          {each.text}
        </button>
      ))}
    </div>
  );
}
