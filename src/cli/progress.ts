import { bytes } from '../report/figures/numbers';
import { cut } from '../report/terminal';
import type { Progress } from '../results';

/** What progress is written to. */
export interface ProgressOutput {
  write(text: string): void;
  isTTY?: boolean;
  columns?: number;
}

/** Plain lines of one stage are at least this far apart. */
const PLAIN_INTERVAL_MS = 5000;
const BAR = 16;

/** Progress on stderr: one line that rewrites itself on a terminal, plain lines elsewhere. */
export class ProgressWriter {
  private stage: string | null = null;
  private last: Progress | null = null;
  private written = 0;

  constructor(
    private readonly output: ProgressOutput,
    private readonly now: () => number = Date.now,
  ) {}

  show(progress: Progress): void {
    const begins = progress.stage !== this.stage;
    // what it will take is said before it is done
    const estimates = progress.estimate !== undefined && this.last?.estimate === undefined;
    if (begins) this.finishStage();
    this.stage = progress.stage;
    this.last = progress;
    if (this.output.isTTY) {
      const line = cut(progressLine(progress, true), (this.output.columns ?? 80) - 1);
      this.output.write(`\r\x1b[K${line}`);
      return;
    }
    const due = progress.done > 0 && this.now() - this.written >= PLAIN_INTERVAL_MS;
    if (!begins && !estimates && !due) return;
    this.written = this.now();
    this.output.write(`${progressLine(progress, false)}\n`);
  }

  /** Takes the line away; nothing of it stays on the terminal. */
  end(): void {
    this.finishStage();
    if (this.output.isTTY && this.stage !== null) this.output.write('\r\x1b[K');
    this.stage = null;
  }

  private finishStage(): void {
    if (this.output.isTTY || !this.last || this.last.total <= 1) return;
    const { last } = this;
    if (last.done >= last.total)
      this.output.write(`${progressLine({ ...last, etaSeconds: null }, false)}\n`);
    this.last = null;
  }
}

/** `calibrate ████████░░ 83/128, 9 s left, 212 MB` */
export function progressLine(progress: Progress, bar: boolean): string {
  const { stage, done, total, etaSeconds, memory, detail, estimate } = progress;
  const share = total > 0 ? Math.min(1, done / total) : 0;
  const full = Math.round(share * BAR);
  const parts = [
    total > 1 ? `${done}/${total}` : '',
    etaSeconds === null ? '' : `${duration(etaSeconds)} left`,
    estimate ? `${bytes(memory)} of about ${bytes(estimate.memory)}` : bytes(memory),
    estimate && done === 0 ? `${estimate.tensors} tensors` : '',
    detail ?? '',
  ].filter((part) => part !== '');
  const drawn = bar && total > 1 ? `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ` : '';
  return `${stage.padEnd(12)} ${drawn}${parts.join(', ')}`;
}

/** Seconds as people say them. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
