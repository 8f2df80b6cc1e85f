import * as vscode from 'vscode';
import { db } from '../../report/figures/numbers';
import type { LayerResult } from '../../results';
import type { ModelSession } from '../session/session';
import { ask } from './ask';
import { keepAndRun } from './keep';
import type { Services } from './services';
import { targetOf } from './target';

interface LayerItem extends vscode.QuickPickItem {
  layer: string;
}

/** *Keep Layer in FP32…*: all layers, the dearest first, those that are kept ticked. */
export async function keepLayer(services: Services, argument: unknown): Promise<void> {
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return;
  await session.ensureSummary();
  const kept = new Set(session.state.recipe.kept);
  const items = layerItems(session, kept);
  const chosen = await ask(items, {
    title: vscode.l10n.t('Layers of {0} that stay in FP32', session.state.fileName),
    placeHolder: vscode.l10n.t('Ticked layers are kept in FP32'),
    canPickMany: true,
    matchOnDescription: true,
  });
  if (!chosen) return;
  const wanted = new Set(chosen.map(({ layer }) => layer));
  const keep = [...wanted].filter((layer) => !kept.has(layer));
  const release = [...kept].filter((layer) => !wanted.has(layer));
  if (keep.length || release.length) await keepAndRun(session, { keep, release });
}

function layerItems(session: ModelSession, kept: ReadonlySet<string>): LayerItem[] {
  const { summary, result } = session.state;
  const found = new Map(result?.layers.map((layer) => [layer.name, layer]));
  const names = summary?.layers.map(({ name }) => name) ?? [...found.keys()];
  return names
    .map((layer, order) => ({ layer, order, cost: costOf(found.get(layer)) }))
    .sort((a, b) => b.cost - a.cost || a.order - b.order)
    .map(({ layer }) => ({
      layer,
      label: layer,
      description: says(found.get(layer)),
      picked: kept.has(layer),
    }));
}

function costOf(layer: LayerResult | undefined): number {
  return layer?.costsDb ?? (layer?.noiseShare ?? 0) / 1000;
}

function says(layer: LayerResult | undefined): string | undefined {
  if (!layer) return undefined;
  const cost =
    layer.costsDb === null ? '' : vscode.l10n.t('costs {0} dB at the output', db(layer.costsDb));
  return [layer.kind, cost].filter(Boolean).join(' · ');
}
