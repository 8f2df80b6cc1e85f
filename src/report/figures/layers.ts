import type { LayerResult, ModelSummary, Precision, RunResult } from '../../results';
import { wordsOf } from '../modes';
import { withoutVnniText } from '../without-vnni';
import type { Figure } from './figure';
import { bytes, count, db, notMeasured, significant } from './numbers';
import { tableHtml, tableText, type Table } from './table';

const badges: Record<Precision, string> = {
  int4: '4',
  int8: '8',
  int16: '16',
  float32: 'F',
  float16: 'F16',
  bfloat16: 'BF16',
  mixed: '8/F',
};

/** The letter that stands for a precision in tables. */
export function badge(precision: Precision | null): string {
  return precision ? badges[precision] : notMeasured;
}

const runs: Partial<Record<Precision, string>> = {
  int4: 'reads weights of 4 bits',
  int8: 'runs in INT8',
  int16: 'moves 16-bit codes',
  float32: 'in float',
  mixed: 'partly in INT8',
};

/** What the letters of these layers mean, where a letter does not say it itself. */
export function badgeLegend(layers: RunResult['layers']): string {
  const used = new Set(layers.map(({ executed }) => executed));
  const said = (Object.keys(runs) as Precision[]).filter((p) => used.has(p) || p === 'float32');
  return said.map((p) => `${badges[p]} ${runs[p]}`).join(', ');
}

/** What a model's file says, layer by layer, before anything runs. */
export function summaryTable(summary: ModelSummary): Figure {
  const table: Table = {
    caption:
      `${summary.layers.length} layers, ${count(summary.parameters)} parameters, ` +
      `${bytes(summary.bytes)}, opset ${summary.opset}`,
    columns: [
      { name: 'Layer' },
      { name: 'Kind' },
      { name: 'Output' },
      { name: 'MACs', right: true },
      { name: 'Parameters', right: true },
    ],
    rows: summary.layers.map((layer) => [
      layer.name,
      layer.kind,
      layer.outputShape?.map((dim) => dim ?? '?').join('×') ?? '?',
      count(layer.macs),
      count(layer.parameters),
    ]),
  };
  return figure('Layers of the model', table);
}

/** One row a layer: what it became and what that costs. */
export function layersTable(result: RunResult): Table {
  return {
    columns: [
      { name: 'Layer' },
      { name: 'Kind' },
      { name: 'Runs as' },
      { name: 'Local, dB', right: true },
      { name: 'Accumulated, dB', right: true },
      { name: 'Costs, dB', right: true },
      { name: 'Mean shift', right: true },
      { name: 'Without VNNI' },
      { name: wordsOf(result).why },
    ],
    rows: result.layers.map((layer) => [
      layer.name,
      layer.kind,
      badge(layer.executed ?? layer.precision),
      db(layer.local?.sqnrDb),
      db(layer.accumulated?.sqnrDb),
      db(layer.costsDb),
      shiftText(layer),
      withoutVnniText(layer),
      layer.reason ?? '',
    ]),
  };
}

/** The shift of a layer's mean before and after bias correction, e.g. `0.036 → 0.003`; one number where it was not corrected. */
export function shiftText({ biasShift }: LayerResult): string {
  if (!biasShift) return notMeasured;
  const { before, after, kept } = biasShift;
  return kept ? `${significant(before)} → ${significant(after)}` : significant(before);
}

/** The layers' table as a figure. */
export function layersFigure(result: RunResult): Figure {
  return figure('Layers after quantization', layersTable(result));
}

/** The layers that hurt, dearest first: at most five, each with its share of the noise (DESIGN §5). */
export function worstLayers(result: RunResult): LayerResult[] {
  return result.layers
    .filter((layer) => layer.hurts)
    .sort(
      (a, b) => (b.costsDb ?? 0) - (a.costsDb ?? 0) || (b.noiseShare ?? 0) - (a.noiseShare ?? 0),
    );
}

function figure(title: string, table: Table): Figure {
  return { title, plotly: null, svg: null, html: tableHtml(table), text: tableText(table) };
}
