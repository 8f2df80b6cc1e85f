import type { RunResult } from '../results';
import { tableCsv, type Table } from './figures/table';

/** A table of a result with full numbers, for a spreadsheet. */
export interface CsvTable {
  name: 'layers' | 'ranges' | 'fusions' | 'outputs' | 'bytes';
  csv: string;
}

type Cell = string | number | boolean | null | undefined;

/** Every table of a result as CSV (RFC 4180). What was not measured is an empty field. */
export function csvTables(result: RunResult): CsvTable[] {
  return [
    {
      name: 'layers',
      csv: csv(
        `name,op,kind,precision,executed,kernel,reason,macs,local_db,accumulated_db,only_this_db,expected_db,two_pass_db,came_in_share,came_in_gain_db,noise_share,noise_share_by,costs_db,clip_rate,utilisation,without_vnni_can_clip,without_vnni_clipped,without_vnni_db,bias_shift_before,bias_shift_after,bias_corrected,local_cosine,local_max_abs,local_rmse_per_scale,accumulated_cosine,accumulated_max_abs,accumulated_rmse_per_scale,noise_mean,noise_skew,noise_kurtosis`,
        result.layers.map((l) => [
          ...[l.name, l.op, l.kind, l.precision, l.executed, l.kernel, l.reason, l.macs],
          ...[l.local?.sqnrDb, l.accumulated?.sqnrDb, l.onlyThisDb],
          ...[
            l.expectedDb,
            l.twoPassDb,
            l.cameIn?.share,
            l.cameIn?.gainDb,
            l.noiseShare,
            l.noiseShareBy,
            l.costsDb,
          ],
          ...[l.clipRate, l.utilisation],
          ...[l.withoutVnni?.canClip, l.withoutVnni?.clippedShare, l.withoutVnni?.sqnrDb],
          ...[l.biasShift?.before, l.biasShift?.after, l.biasShift?.kept],
          ...[l.local?.cosine, l.local?.maxAbs, l.noise?.local?.rmsePerScale],
          ...[l.accumulated?.cosine, l.accumulated?.maxAbs, l.noise?.accumulated?.rmsePerScale],
          ...[l.noise?.accumulated?.mean, l.noise?.accumulated?.skew],
          l.noise?.accumulated?.kurtosis,
        ]),
      ),
    },
    {
      name: 'ranges',
      csv: csv(
        'tensor,producer,min,max,scale,zero_point,type,not_finite',
        result.ranges.map((r) => [
          ...[r.tensor, r.producer, r.min, r.max, r.scale, r.zeroPoint, r.type, r.notFinite],
        ]),
      ),
    },
    {
      name: 'fusions',
      csv: csv(
        'pattern,layer,nodes,status,blocked_by,reason',
        result.fusions.map((f) => [
          ...[f.pattern, f.layer, f.nodes.map((n) => n.name).join(' '), f.status],
          ...[f.blockedBy?.node, f.blockedBy?.reason],
        ]),
      ),
    },
    {
      name: 'outputs',
      csv: csv(
        'name,sqnr_db,cosine,max_abs,mean_abs,within,atol,rtol',
        result.outputs.map((o) => [
          ...[o.name, o.sqnrDb, o.cosine, o.maxAbs, o.meanAbs, o.within, o.atol, o.rtol],
        ]),
      ),
    },
    {
      name: 'bytes',
      csv: csv(
        'part,bytes',
        (result.size?.parts ?? []).map((p) => [p.what, p.bytes]),
      ),
    },
  ];
}

function csv(header: string, rows: Cell[][]): string {
  const table: Table = {
    columns: header.split(',').map((name) => ({ name })),
    rows: rows.map((row) => row.map(field)),
  };
  return tableCsv(table);
}

function field(value: Cell): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '';
  return String(value);
}
