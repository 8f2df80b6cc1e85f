import type { InspectorAction, InspectorState, RunResult } from '../../src/protocol';
import type { Phrase } from '../l10n/phrase';
import { db, fixed, significant, timesDigits } from './format';
import { isRandom, worstOutput } from './measures';
import type { LayerRow } from './rows';

/** One thing to do next, one click. */
export interface Proposal {
  id: string;
  /** What to do: the button. */
  label: Phrase;
  /** Why, with numbers. */
  why: Phrase;
  does:
    { kind: 'keep'; layers: string[]; keep: boolean } | { kind: 'action'; action: InspectorAction };
}

/** Output SQNR from which errors are the least step of the scale. */
export const FINE = 40;

/** Estimated gain in dB of removing a share of the noise: `−10·log10(1 − share)`. */
export function gainOf(share: number): number {
  return -10 * Math.log10(1 - Math.min(share, 0.999));
}

const act = (action: InspectorAction): Proposal['does'] => ({ kind: 'action', action });

/**
 * Layers that are still quantized, worst first: by the share of the noise or by what a run gained by
 * keeping them, whichever says more (a layer before a float island may cost far more than it makes).
 */
export function worstRows(rows: readonly LayerRow[]): LayerRow[] {
  const blame = (row: LayerRow) =>
    Math.max(row.share ?? 0, row.costs === null ? 0 : 1 - 10 ** (-row.costs / 10));
  return rows
    .filter((row) => !row.kept && row.result?.wish !== 'keep' && blame(row) > 0)
    .sort((a, b) => blame(b) - blame(a) || a.index - b.index);
}

/** What to do next: at most three, the most useful first. */
export function proposals(state: InspectorState, rows: readonly LayerRow[]): Proposal[] {
  const { result, recipe, summary } = state;
  const found: Proposal[] = [];
  if (isRandom(result, recipe))
    found.push({
      id: 'real-data',
      label: ['do.realData'],
      why: ['do.realDataWhy'],
      does: act('openRecipe'),
    });
  if (!result?.verification) {
    if (summary?.quantized)
      found.push({
        id: 'dequantize',
        label: ['menu.dequantize'],
        why: ['do.dequantizeWhy'],
        does: act('dequantize'),
      });
    if (!result?.calibration && recipe.calibrates)
      found.push({
        id: 'calibrate',
        label: ['do.calibrate'],
        why: ['do.calibrateWhy'],
        does: act('calibrate'),
      });
    found.push({
      id: 'quantize',
      label: ['do.quantize'],
      why: ['do.quantizeWhy'],
      does: act('quantize'),
    });
    return found.slice(0, 3);
  }
  if (recipe.dirtySinceResult)
    found.push({ id: 'again', label: ['do.again'], why: ['do.againWhy'], does: act('quantize') });
  const { latency } = result;
  if (latency?.verdict === 'not faster here')
    found.push({
      id: 'not-faster',
      label: ['do.otherMode'],
      why: ['do.otherModeWhy', { times: fixed(latency.speedup, timesDigits(latency.speedup)) }],
      does: act('measureModes'),
    });
  const slow = slowProposal(result, rows);
  // errors found on random data name nobody, and what is 40 dB away needs no repair
  const output = worstOutput(result);
  const keeps =
    !isRandom(result, recipe) && (output === null || output.db < FINE)
      ? keepProposals(state, rows)
      : [];
  const closer = Math.max(0, keeps[0]?.worth ?? 0);
  if (slow && slow.worth >= closer) found.push(slow);
  found.push(...keeps);
  if (slow && slow.worth < closer) found.push(slow);
  if (result.complete && (!latency || (!result.accuracy && !result.agreement)))
    found.push({
      id: 'compare',
      label: ['do.compare'],
      why: ['do.compareWhy'],
      does: act('compare'),
    });
  if (found.length === 0 && result.complete)
    found.push({
      id: 'report',
      label: ['do.report'],
      why: ['do.reportWhy'],
      does: act('exportReport'),
    });
  return found.slice(0, 3);
}

/** A proposal with what it brings of all that there is to win: of the time, or of the decibels up to {@link FINE}. */
interface Weighed extends Proposal {
  worth: number;
}

/** A saving below this share of a run is lost in its spread. */
const LEAST_SAVING = 0.01;

/** The layers that lose most time in integers, while they are still quantized. */
function slowProposal(result: RunResult, rows: readonly LayerRow[]): Weighed | null {
  const quantized = new Set(rows.filter((row) => !row.kept).map((row) => row.name));
  const fix = result.latency?.profile?.fixes.find(({ layers }) =>
    layers.every((layer) => quantized.has(layer)),
  );
  if (!fix) return null;
  const worth = fix.savesMs / result.latency!.int8Ms;
  if (worth < LEAST_SAVING) return null;
  return {
    worth,
    id: 'keep-slow',
    label: ['do.keepOne', { layer: fix.layers.join(' + ') }],
    why: ['do.keepSlowWhy', { ms: significant(fix.savesMs) }],
    does: { kind: 'keep', layers: fix.layers, keep: true },
  };
}

function keepProposals(state: InspectorState, rows: readonly LayerRow[]): Weighed[] {
  const hurting = worstRows(rows).filter((row) => row.result?.hurts || (row.costs ?? 0) >= 1);
  const first = hurting[0];
  if (!first) return [];
  const output = worstOutput(state.result);
  const before = output ? db(output.db) : null;
  const after = (gain: number) => (output ? db(output.db + gain) : null);
  const gap = output ? FINE - output.db : null;
  const ofGap = (gain: number) => (gap === null ? gain / FINE : Math.min(1, gain / gap));
  const worst: Weighed = {
    worth: ofGap(first.costs ?? gainOf(first.share ?? 0)),
    id: 'keep-worst',
    label: ['do.keepOne', { layer: first.name }],
    why:
      first.costs !== null && before !== null
        ? [
            'do.keepOneMeasured',
            { before, after: after(first.costs) ?? '', gain: fixed(first.costs, 1) },
          ]
        : shareWhy(first),
    does: { kind: 'keep', layers: [first.name], keep: true },
  };
  const three = hurting.slice(0, 3);
  if (three.length < 3) return [worst];
  const share = three.reduce((sum, row) => sum + (row.share ?? 0), 0);
  return [
    worst,
    {
      worth: ofGap(gainOf(share)),
      id: 'keep-three',
      label: ['do.keepThree'],
      why: [
        before !== null && share > 0 ? 'do.keepThreeWhy' : 'do.keepThreeNames',
        {
          layers: three.map((row) => row.name).join(', '),
          percent: `${three.every((row) => row.shareBy === 'exact') ? '' : '≈ '}${fixed(share * 100, 0)}`,
          before: before ?? '',
          after: after(gainOf(share)) ?? '',
        },
      ],
      does: { kind: 'keep', layers: three.map((row) => row.name), keep: true },
    },
  ];
}

/** What a layer makes of the noise, and by what estimate where that was not run. */
function shareWhy({ share, shareBy }: LayerRow): Phrase {
  const percent = fixed((share ?? 0) * 100, 0);
  if (shareBy === null || shareBy === 'exact') return ['do.keepShare', { percent }];
  return ['do.keepShareAbout', { percent, stage: { text: `stageName.${shareBy}` as const } }];
}
