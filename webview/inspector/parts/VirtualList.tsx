import { useSignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { listWindow, scrollTo } from '../../logic/window';

interface Props extends Omit<JSX.HTMLAttributes<HTMLDivElement>, 'children' | 'class'> {
  class: string;
  count: number;
  rowHeight: number;
  /** The row to bring into view when it changes. */
  follow: number | null;
  /** Stays on top while the rows scroll. */
  head?: ComponentChildren;
  headHeight?: number;
  /** Least width of the rows; below it the list scrolls sideways, head and all. */
  minWidth?: string;
  row: (index: number, top: number) => ComponentChildren;
}

/** A list that only holds the rows in sight: ten thousand cost no more than forty. */
export function VirtualList(props: Props) {
  const {
    count,
    rowHeight,
    follow,
    head,
    headHeight = 0,
    minWidth,
    row,
    class: name,
    ...rest
  } = props;
  const ref = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);

  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => {
      height.value = element.clientHeight - headHeight;
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = ref.current;
    if (!element || follow === null || follow < 0) return;
    const room = element.clientHeight - headHeight;
    element.scrollTop = scrollTo(follow, rowHeight, element.scrollTop, room);
  }, [follow, count]);

  const { start, end, height: all } = listWindow(count, rowHeight, top.value, height.value);
  return (
    <div
      {...rest}
      ref={ref}
      class={`virtual ${name}`}
      onScroll={(event) => (top.value = event.currentTarget.scrollTop)}
    >
      {head}
      <div class="rows" role="rowgroup" style={{ height: `${all}px`, minWidth }}>
        {Array.from({ length: end - start }, (_, i) => row(start + i, (start + i) * rowHeight))}
      </div>
    </div>
  );
}
