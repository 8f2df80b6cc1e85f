import type { LayerRow } from './rows';

/** What a model is made of, by operator. */
export interface OperatorShare {
  op: string;
  layers: number;
  parameters: number;
  macs: number;
}

/** Layers, parameters and MACs of every operator, the most MACs first. */
export function operators(rows: readonly LayerRow[]): OperatorShare[] {
  const all = new Map<string, OperatorShare>();
  for (const { op, parameters, macs } of rows) {
    const share = all.get(op) ?? { op, layers: 0, parameters: 0, macs: 0 };
    share.layers++;
    share.parameters += parameters ?? 0;
    share.macs += macs ?? 0;
    all.set(op, share);
  }
  return [...all.values()].sort(
    (a, b) => b.macs - a.macs || b.parameters - a.parameters || b.layers - a.layers,
  );
}
