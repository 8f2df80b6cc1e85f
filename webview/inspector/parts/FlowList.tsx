import { useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { flowScroll, flowTops, flowWindow } from '../../logic/flow';

interface Props extends Omit<JSX.HTMLAttributes<HTMLDivElement>, 'children' | 'class'> {
  class: string;
  /** Names of the rows, each its own: a height that was seen belongs to a name. */
  names: readonly string[];
  /** Height of a row that was not in sight yet. */
  guess: number;
  /** The row to bring into view when it changes. */
  follow: number | null;
  /** Least width of the rows; below it the list scrolls sideways. */
  minWidth?: string;
  /** A row; it sets `style` on its element, which takes the height that its text needs. */
  row: (index: number, style: { transform: string }) => ComponentChildren;
}

/** A list that only holds the rows in sight, each as tall as its text. */
export function FlowList(props: Props) {
  const { names, guess, follow, minWidth, row, class: name, ...rest } = props;
  const ref = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const size = useSignal({ width: 0, height: 600 });
  const heights = useSignal<ReadonlyMap<string, number>>(new Map());
  const known = heights.value;
  const tops = useMemo(
    () => flowTops(names.map((each) => known.get(each) ?? guess)),
    [names, known, guess],
  );
  const { start, end } = flowWindow(tops, top.value, size.value.height);

  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => {
      const next = { width: element.clientWidth, height: element.clientHeight };
      // text breaks elsewhere now
      if (next.width !== size.peek().width) heights.value = new Map();
      size.value = next;
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const seen = new Map(known);
    const elements = rows.current?.children ?? [];
    for (let i = 0; i < elements.length; i++)
      seen.set(names[start + i]!, (elements[i] as HTMLElement).offsetHeight);
    if ([...seen].some(([each, height]) => known.get(each) !== height)) heights.value = seen;
  });

  useEffect(() => {
    const element = ref.current;
    if (!element || follow === null || follow < 0) return;
    element.scrollTop = flowScroll(tops, follow, element.scrollTop, element.clientHeight);
  }, [follow, names.length]);

  return (
    <div
      {...rest}
      ref={ref}
      class={`virtual flow ${name}`}
      onScroll={(event) => (top.value = event.currentTarget.scrollTop)}
    >
      <div
        class="rows"
        ref={rows}
        role="presentation"
        style={{ height: `${tops.at(-1)}px`, minWidth }}
      >
        {Array.from({ length: end - start }, (_, i) =>
          row(start + i, { transform: `translateY(${tops[start + i]}px)` }),
        )}
      </div>
    </div>
  );
}
