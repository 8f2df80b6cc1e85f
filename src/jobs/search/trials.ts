import { existsSync } from 'node:fs';
import { kernelKey } from '../../analyze/kernel-key';
import { toErrorData, VernierError } from '../../errors';
import type { SearchCandidate } from '../../results';
import { Session } from '../../runtime/session';
import { compareWithFp32 } from '../comparison';
import type { JobContext } from '../context';
import { emptyResult, fillLayers } from '../fill';
import { writtenBytes } from '../model-bytes';
import { makePlan, type Plan } from '../plan';
import type { Samples } from '../samples';
import type { Candidate } from '../stages/evaluate';
import { shapesOf, type Probe } from '../stages/probe';
import { refuseHopeless, type Quantized } from '../stages/quantize';
import { rangesStage } from '../stages/ranges';
import { timePair } from '../stages/time';
import { verifyStage } from '../stages/verify';
import { writeStage } from '../stages/write';
import { macsWithShapes, type Subject } from '../subject';
import { openTrialFile } from '../trial';
import type { Compared, Entry, Journal } from './journal';
import { candidateText } from './recipe-text';

/** What is searched: a recipe and its model, with the data that all candidates share. */
export interface SearchTask {
  plan: Plan;
  /** The recipe's text, which candidates write out. */
  text: string;
  subject: Subject;
  samples: Samples;
  probe: Probe;
  /** The worker's own file, for the timing processes. */
  bundle: string;
  /** Bytes of the FP32 model. */
  fp32Bytes: number;
}

interface Written {
  file: string;
  remove: () => Promise<void>;
}

/**
 * Writes candidates as their recipes say, compares them with FP32 and times them. What the journal knows is not measured
 * again; a file is written once and stays until it is dropped. A candidate that cannot be written is an entry with its reason.
 */
export class Trials {
  private readonly written = new Map<string, Written>();
  private files = 0;

  constructor(
    private readonly task: SearchTask,
    private readonly context: JobContext,
    private readonly journal: Journal,
  ) {}

  /** The plan of a candidate, made from its recipe's text. Throws `recipe.*`. */
  plan(candidate: SearchCandidate): Promise<Plan> {
    return makePlan(this.task.plan.recipePath, candidateText(this.task.text, candidate));
  }

  /** Compares a candidate on at least so many samples. @returns null where it cannot be written */
  async compare(candidate: SearchCandidate, count: number): Promise<Compared | null> {
    const entry = this.journal.of(candidate);
    if (entry.failure) return null;
    const known = entry.compared.find(({ samples }) => samples >= count);
    return known ?? this.timed(entry, () => this.measure(entry, count));
  }

  /** Times a candidate against FP32, unless one that runs the same kernels was. */
  async time(candidate: SearchCandidate): Promise<void> {
    const entry = this.journal.of(candidate);
    if (entry.failure || this.timedAs(entry)) return;
    await this.timeEntry(entry, 'search');
  }

  /** Times a candidate, or the one that was timed for it, a second time. @returns false where that was done before */
  async confirm(candidate: SearchCandidate): Promise<boolean> {
    const entry = this.timedAs(this.journal.of(candidate));
    if (!entry || entry.confirmed) return false;
    await this.timeEntry(entry, 'confirm');
    return (entry.confirmed = true);
  }

  private timeEntry(entry: Entry, purpose: 'search' | 'confirm'): Promise<void> {
    const { plan, subject, probe, bundle } = this.task;
    return this.timed(entry, () =>
      this.settle(entry, async () => {
        const { file } = this.place(entry) ?? (await this.write(entry, null));
        const pair = { candidate: file, feed: probe.feed, settings: plan.recipe.latency };
        entry.latency = await timePair(purpose, subject, pair, bundle, this.context);
      }),
    );
  }

  /** The entry that was timed for this one: itself, or one of the same kernels. */
  timedAs(entry: Entry): Entry | null {
    const { kernels, latency } = entry;
    if (latency) return entry;
    if (kernels === null) return null;
    const all = [...this.journal.entries.values()];
    return all.find((other) => other.latency && other.kernels === kernels) ?? null;
  }

  /** Removes the file of a candidate that goes no further. */
  async drop({ name }: SearchCandidate): Promise<void> {
    await this.written.get(name)?.remove();
    this.written.delete(name);
  }

  /** Removes all files. */
  async release(): Promise<void> {
    for (const { remove } of this.written.values()) await remove();
    this.written.clear();
  }

  private async timed<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    const start = Date.now();
    try {
      return await work();
    } finally {
      entry.seconds += (Date.now() - start) / 1000;
      await this.journal.save();
    }
  }

  private async measure(entry: Entry, count: number): Promise<Compared | null> {
    await this.settle(entry, async () => {
      const place = this.place(entry);
      if (!place) {
        await this.write(entry, count);
        return;
      }
      const session = await Session.open(place.file);
      try {
        await this.compareWritten(entry, { session, file: place.file }, count, null);
      } finally {
        await session.release();
      }
    });
    return entry.failure ? null : entry.compared.at(-1)!;
  }

  /** What goes wrong with a candidate is its result; what goes wrong with the data, the metric or the disk ends the search. */
  private async settle(entry: Entry, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (
        !(error instanceof VernierError) ||
        /^(data\.|metric\.|job\.(io|cancelled))/.test(error.code)
      )
        throw error;
      const { code, message } = toErrorData(error);
      entry.failure = { code, message };
    }
  }

  /** Its file, where it was written and another job in the folder did not tidy it up. */
  private place({ candidate }: Entry): Written | null {
    const known = this.written.get(candidate.name);
    return known && existsSync(known.file) ? known : null;
  }

  /** Writes the model of a candidate, reads what it runs, and where `count` is given compares it on so many samples. */
  private async write(entry: Entry, count: number | null): Promise<Written> {
    const { subject, samples, probe } = this.task;
    const { context } = this;
    const { candidate } = entry;
    const plan = await this.plan(candidate);
    await refuseHopeless(plan, subject);
    const { calibrated } = await rangesStage(plan, subject, samples, context);
    await context.meter.begin('quantize', 1);
    const place = await openTrialFile(context, `search-${++this.files}-${process.pid}`);
    let quantized: Quantized | null = null;
    try {
      quantized = await writeStage(plan, subject, samples.calibration, calibrated, context);
      const { file } = place;
      const { target } = plan;
      const verified = await verifyStage(subject, quantized, file, probe, [], context, target);
      try {
        entry.bytes = await writtenBytes(file, verified.data);
        entry.kernels = kernelKey(verified.optimized);
        const found = emptyResult(plan, subject, plan.recipePath);
        const macs = macsWithShapes(subject, shapesOf(probe));
        fillLayers(found, subject, quantized, verified.executed, macs);
        entry.int8MacShare = found.int8MacShare;
        const { worstDb } = verified.verification;
        if (count !== null) {
          const session = await verified.open();
          await this.compareWritten(entry, { session, file }, count, worstDb);
        }
      } finally {
        await verified.release();
      }
    } catch (error) {
      await place.remove();
      throw error;
    } finally {
      quantized?.release();
    }
    this.written.set(candidate.name, place);
    return place;
  }

  /** @param onProbe lowest SQNR on the one sample that there is without data */
  private async compareWritten(
    entry: Entry,
    written: Candidate,
    count: number,
    onProbe: number | null,
  ): Promise<void> {
    const { plan, subject, samples } = this.task;
    const found = await compareWithFp32(plan, subject, written, samples, count, this.context);
    const dbs = found?.outputs.map((o) => o.sqnrDb) ?? [];
    entry.compared.push({
      samples: count,
      outputs: found?.outputs ?? [],
      worstDb: dbs.length > 0 ? Math.min(...dbs) : onProbe,
      accuracy: found?.accuracy ?? null,
      agreement: found?.agreement ?? null,
    });
  }
}
