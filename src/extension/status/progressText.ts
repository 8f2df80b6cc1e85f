import type { Progress } from '../../results';

/** A running step in one line: `calibrate 83/128 · 9 s · 212 MB`. */
export function progressText(progress: Progress | null): string {
  if (!progress) return '';
  const { stage, done, total, etaSeconds, memory, detail, estimate } = progress;
  const parts = [total > 1 ? `${stage} ${done}/${total}` : stage];
  if (etaSeconds !== null && etaSeconds >= 1) parts.push(duration(etaSeconds));
  if (memory > 0) {
    const most = estimate ? ` of about ${megabytes(estimate.memory)}` : '';
    parts.push(`${megabytes(memory)}${most}`);
  }
  if (detail) parts.push(detail);
  return parts.join(' · ');
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
