import { useEffect, useRef } from 'preact/hooks';
import { themeVersion } from '../../theme';

/** Draws in CSS pixels. */
export type Draw = (context: CanvasRenderingContext2D, width: number, height: number) => void;

interface Props {
  draw: Draw;
  /** What it shows, for who cannot see it; without one it is decoration beside the same text. */
  label?: string;
  class?: string;
  testid?: string;
  /** Width and height in CSS pixels where they are known: asking costs a layout for each of many. */
  size?: readonly [width: number, height: number];
  onMove?: (x: number, width: number) => string | null;
  onPick?: (x: number, width: number) => void;
}

/** A canvas that stays sharp and draws again when its size, its data or the theme changes. */
export function Canvas({ draw, label, class: name, testid, size, onMove, onPick }: Props) {
  const ref = useRef<HTMLCanvasElement>(null);
  const latest = useRef(draw);
  latest.current = draw;
  const version = themeVersion.value;

  const paint = () => {
    const canvas = ref.current;
    const context = canvas?.getContext('2d');
    if (!canvas || !context) return;
    const [width, height] = size ?? [canvas.clientWidth, canvas.clientHeight];
    if (width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio || 1;
    if (
      canvas.width !== Math.round(width * ratio) ||
      canvas.height !== Math.round(height * ratio)
    ) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    latest.current(context, width, height);
  };

  useEffect(paint, [draw, version]);
  useEffect(() => {
    if (size) return;
    const observer = new ResizeObserver(paint);
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);

  return (
    <canvas
      ref={ref}
      class={name}
      style={size && { width: `${size[0]}px`, height: `${size[1]}px` }}
      data-testid={testid}
      role={label ? 'img' : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : true}
      onMouseMove={(event) => {
        const canvas = event.currentTarget;
        if (onMove) canvas.title = onMove(event.offsetX, canvas.clientWidth) ?? '';
      }}
      onClick={(event) => onPick?.(event.offsetX, event.currentTarget.clientWidth)}
    />
  );
}
