import type { ErrorData } from '../errors';
import type {
  CheckResult,
  DequantizeResult,
  LayerResult,
  ModelSummary,
  NoiseShape,
  RunResult,
} from '../results';
import { choiceDocument } from './choice';
import { breakDocument, fusionDocument } from './fusions';
import { searchDocument } from './search';
import type { Json } from './json-value';
import { profileDocument, speedDocument } from './latency';
import { notesDocument } from './notes';

export type { Json } from './json-value';

/**
 * The document that `--json` prints: snake_case, fractions, bytes and milliseconds; `null` is *not measured*.
 * Keys may be added, none is renamed.
 */
export function toJsonDocument(result: RunResult): { [key: string]: Json } {
  const { latency, accuracy, size, calibration, load } = result;
  return {
    model: result.model,
    output: result.output,
    target: result.target,
    mode: result.mode,
    choice: result.choice && choiceDocument(result.choice),
    search: result.search && searchDocument(result.search),
    layers: result.layers.map(layerDocument),
    // results of older versions have none
    layer_match: result.layerMatch ? { ...result.layerMatch } : null,
    int8_mac_share: number(result.int8MacShare),
    written_int8_mac_share: number(result.writtenInt8MacShare),
    size: size && {
      fp32: size.fp32,
      int8: size.int8,
      parts: size.parts.map(({ what, bytes }) => ({ what, bytes })),
    },
    verification: result.verification && {
      nodes: result.verification.nodes,
      ran_on: result.verification.ranOn,
      not_run: result.verification.notRun,
      worst_db: number(result.verification.worstDb),
    },
    sqnr_db: Object.fromEntries(Object.entries(result.sqnrDb).map(([k, v]) => [k, number(v)])),
    // results of older versions have none
    worst_samples: (result.worstSamples ?? []).map((s) => ({
      sample: s.sample,
      sqnr_db: number(s.sqnrDb),
    })),
    outputs: result.outputs.map((o) => ({
      name: o.name,
      sqnr_db: number(o.sqnrDb),
      cosine: number(o.cosine),
      max_abs: number(o.maxAbs),
      mean_abs: number(o.meanAbs),
      within: number(o.within),
      atol: o.atol,
      rtol: o.rtol,
    })),
    latency: latency && {
      ...speedDocument(latency),
      fp32_p50: latency.fp32P50,
      fp32_p99: latency.fp32P99,
      int8_p50: latency.int8P50,
      int8_p99: latency.int8P99,
      threads: latency.threads,
      pairs: latency.pairs,
      verdict: latency.verdict,
      profile: profileDocument(latency),
    },
    accuracy: accuracy && {
      metric: accuracy.metric,
      own: accuracy.own ? { ...accuracy.own } : null,
      fp32: number(accuracy.fp32),
      int8: number(accuracy.int8),
      low: number(accuracy.low),
      high: number(accuracy.high),
      n: accuracy.n,
      higher_is_better: accuracy.higherIsBetter,
      unproven: accuracy.unproven,
      // results of older versions have none of these
      labels: accuracy.labels ? { ...accuracy.labels } : null,
      needed_n: accuracy.neededN ?? null,
    },
    agreement: result.agreement && { value: result.agreement.value, n: result.agreement.n },
    without_vnni: result.withoutVnni && {
      samples: result.withoutVnni.samples,
      outputs: result.withoutVnni.outputs.map((o) => ({
        name: o.name,
        sqnr_db: number(o.sqnrDb),
        max_abs: number(o.maxAbs),
      })),
      same_label: number(result.withoutVnni.sameLabel),
    },
    rounded: result.rounded && {
      samples: result.rounded.samples,
      outputs: result.rounded.outputs.map((o) => ({
        name: o.name,
        sqnr_db: number(o.sqnrDb),
        max_abs: number(o.maxAbs),
        not_finite: o.notFinite,
      })),
      same_label: number(result.rounded.sameLabel),
    },
    fixed: fixedDocument(result.fixed),
    fusions: result.fusions.map(fusionDocument),
    breaks: (result.breaks ?? []).map(breakDocument),
    calibration: calibration && {
      samples: calibration.samples,
      source: calibration.source,
      random: calibration.random,
    },
    calibration_report: calibrationDocument(result),
    evaluated_on: result.evaluatedOn && {
      samples: result.evaluatedOn.samples,
      source: result.evaluatedOn.source,
      held_back: result.evaluatedOn.heldBack,
    },
    limits: result.limits.map(({ limit, wanted, got, met }) => ({
      limit,
      wanted,
      got: number(got),
      met,
    })),
    load: load && {
      opset: load.opset,
      ir_version: load.irVersion,
      contrib_ops: load.contribOps,
      runtime: load.runtime,
      python: load.python,
      cpp: load.cpp,
      node: load.node,
    },
    runtime: { ...result.runtime },
    seconds: { ...result.seconds },
    warnings: result.notes.filter(({ severity }) => severity !== 'info').map((n) => n.message),
    notes: notesDocument(result.notes),
    recipe: result.recipe,
    key: result.key,
    complete: result.complete,
    finished_at: result.finishedAt,
  };
}

function layerDocument(layer: LayerResult): { [key: string]: Json } {
  return {
    name: layer.name,
    op: layer.op,
    kind: layer.kind,
    precision: layer.precision,
    reason: layer.reason,
    local_db: number(layer.local?.sqnrDb),
    accumulated_db: number(layer.accumulated?.sqnrDb),
    costs_db: number(layer.costsDb),
    executed: layer.executed,
    macs: layer.macs,
    kernel: layer.kernel,
    wish: layer.wish,
    only_this_db: number(layer.onlyThisDb),
    only_this_cosine: number(layer.onlyThis?.cosine),
    only_this_kl_nats: number(layer.onlyThis?.klNats),
    only_this_same_label: number(layer.onlyThis?.sameLabel),
    expected_db: number(layer.expectedDb),
    two_pass_db: number(layer.twoPassDb),
    came_in_share: number(layer.cameIn?.share),
    came_in_gain_db: number(layer.cameIn?.gainDb),
    own_result: layer.ownResult
      ? {
          expected_db: number(layer.ownResult.expectedDb),
          two_pass_db: number(layer.ownResult.twoPassDb),
          only_this_db: number(layer.ownResult.onlyThisDb),
        }
      : null,
    noise_share: number(layer.noiseShare),
    // results of older versions have none
    noise_share_by: layer.noiseShareBy ?? null,
    local_cosine: number(layer.local?.cosine),
    local_max_abs: number(layer.local?.maxAbs),
    accumulated_cosine: number(layer.accumulated?.cosine),
    accumulated_max_abs: number(layer.accumulated?.maxAbs),
    local_noise: noiseDocument(layer.noise?.local),
    accumulated_noise: noiseDocument(layer.noise?.accumulated),
    local_db_by_channel: layer.localByChannel?.map(number) ?? null,
    clip_rate: number(layer.clipRate),
    utilisation: number(layer.utilisation),
    hurts: layer.hurts,
    bias_shift: layer.biasShift && {
      before: number(layer.biasShift.before),
      after: number(layer.biasShift.after),
      kept: layer.biasShift.kept,
    },
    without_vnni: layer.withoutVnni && {
      channels: layer.withoutVnni.channels,
      can_clip: layer.withoutVnni.canClip,
      clipped_share: number(layer.withoutVnni.clippedShare),
      sqnr_db: number(layer.withoutVnni.sqnrDb),
    },
  };
}

function noiseDocument(noise: NoiseShape | null | undefined): Json {
  return (
    (noise && {
      rmse: number(noise.rmse),
      rmse_per_scale: number(noise.rmsePerScale),
      mean: number(noise.mean),
      skew: number(noise.skew),
      kurtosis: number(noise.kurtosis),
    }) ??
    null
  );
}

/** The document of `inspect --json`. */
export function toSummaryDocument(summary: ModelSummary): { [key: string]: Json } {
  return {
    model: summary.file,
    bytes: summary.bytes,
    ir_version: summary.irVersion,
    opset: summary.opset,
    domains: summary.domains.map((d) => ({ ...d })),
    producer: summary.producer,
    inputs: summary.inputs.map(({ name, type, shape }) => ({ name, type, shape: [...shape] })),
    outputs: summary.outputs.map(({ name, type, shape }) => ({ name, type, shape: [...shape] })),
    nodes: summary.nodes,
    parameters: summary.parameters,
    macs: summary.layers.reduce<number | null>(
      (sum, { macs }) => (sum === null || macs === null ? null : sum + macs),
      0,
    ),
    layers: summary.layers.map((layer) => ({
      name: layer.name,
      op: layer.op,
      kind: layer.kind,
      output_shape: layer.outputShape && [...layer.outputShape],
      macs: layer.macs,
      parameters: layer.parameters,
      weight: layer.weight && {
        shape: layer.weight.shape,
        min: number(layer.weight.min),
        max: number(layer.weight.max),
      },
      absorbed: layer.absorbed,
      predecessors: layer.predecessors,
      source: layer.source,
    })),
    fusions: summary.fusions.map(fusionDocument),
    quantized: summary.quantized && {
      formats: [...summary.quantized.formats],
      operators: summary.quantized.operators.map((o) => ({ ...o })),
      tensors: summary.quantized.tensors.map((t) => ({
        tensor: t.tensor,
        role: t.role,
        type: t.type,
        scale: t.scale,
        zero_point: t.zeroPoint,
        scales: t.scales && { ...t.scales },
        axis: t.axis,
        block_size: t.blockSize,
        min: t.min,
        max: t.max,
        producer: t.producer,
        consumers: [...t.consumers],
      })),
    },
    warnings: summary.notes.filter(({ severity }) => severity !== 'info').map((n) => n.message),
    notes: notesDocument(summary.notes),
  };
}

/** The document of `check --json`. */
export function toCheckDocument(result: CheckResult): { [key: string]: Json } {
  return {
    model: result.model,
    target: result.target,
    nodes: result.nodes,
    accepted: result.findings.every(({ severity }) => severity !== 'error'),
    findings: result.findings.map((f) => ({
      code: f.code,
      severity: f.severity,
      message: f.message,
      node: f.node ?? null,
      tensor: f.tensor ?? null,
      remedy: f.remedy,
    })),
    notes: notesDocument(result.notes),
  };
}

/** `vernier dequantize --json`. */
export function toDequantizeDocument(result: DequantizeResult): { [key: string]: Json } {
  return {
    model: result.model,
    output: result.output,
    quantizing_nodes: { before: result.before, after: result.after },
    left: result.left.map((l) => ({ ...l })),
    outputs: result.outputs.map((o) => ({
      name: o.name,
      sqnr_db: number(o.sqnrDb),
      cosine: number(o.cosine),
      max_abs: number(o.maxAbs),
    })),
    compared_on: result.comparedOn && { ...result.comparedOn },
    warnings: result.notes.filter(({ severity }) => severity !== 'info').map((n) => n.message),
    notes: notesDocument(result.notes),
  };
}

/** The document on failure. */
export function toErrorDocument(error: ErrorData): { [key: string]: Json } {
  const { code, message, file, node, tensor, line, remedy } = error;
  return {
    error: {
      code,
      message,
      file: file ?? null,
      node: node ?? null,
      tensor: tensor ?? null,
      line: line ?? null,
      remedy: remedy ?? null,
    },
  };
}

/** A finite number, else null: JSON has no infinities. */
function number(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** What is known of a calibration besides its source: where ranges come from, how they settled, what they miss. */
export function calibrationDocument({ calibrationReport: report, ranges }: RunResult): Json {
  if (!report) return null;
  const { convergence, heldBack, likeness } = report;
  return {
    ranges_file: report.ranges && { ...report.ranges },
    enough_samples: convergence?.enough ?? null,
    held_back_samples: heldBack?.samples ?? null,
    training_likeness: likeness && {
      node: likeness.node,
      samples: likeness.samples,
      divergence: number(likeness.divergence),
      shift: number(likeness.shift),
      variance: number(likeness.variance),
      unlike: likeness.unlike,
      suspicion: likeness.suspicion && { ...likeness.suspicion },
    },
    growing: convergence?.growing.map((g) => ({ ...g })) ?? null,
    ranges: ranges.map((r) => ({
      tensor: r.tensor,
      min: number(r.min),
      max: number(r.max),
      scale: number(r.scale),
      zero_point: r.zeroPoint,
      not_finite: r.notFinite,
      not_finite_in: r.notFiniteIn ?? [],
      growth: number(r.growth),
      out_of_range: number(r.outOfRange),
    })),
  };
}

/** The target `fpga-fixed`: formats, sums and agreement of every step. */
function fixedDocument(fixed: RunResult['fixed']): Json {
  return (
    fixed && {
      accumulator_bits: fixed.accumulatorBits,
      samples: fixed.samples,
      source: fixed.source,
      held_back: fixed.heldBack,
      steps: fixed.steps.map((s) => ({
        layer: s.layer,
        op: s.op,
        inputs: [...s.inputs],
        weight: s.weight,
        bias: s.bias,
        accumulator: s.accumulator,
        output: s.output,
        shift: s.shift && { ...s.shift },
        worst_bits: s.worstBits,
        measured_bits: s.measuredBits,
        sums_beyond: s.beyond,
        values: s.values,
        different: s.different,
        largest_difference: s.largest,
        exact_in_float32: s.exact,
      })),
      host: fixed.host.map((h) => ({ ...h })),
      files: fixed.files.map((f) => ({ ...f })),
    }
  );
}
