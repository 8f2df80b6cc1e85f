import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { layersFigure, summaryTable, worstLayers } from '../report/figures/layers';
import { verdictFigure } from '../report/figures/verdict';
import { costOf } from '../report/sentence';
import type { RunUntil } from '../jobs/protocol';
import type { RunResult } from '../results';
import { sessionOf } from './commands/target';
import { ids } from './manifest/ids';
import { errorLine } from './remedy';
import type { ModelSession } from './session/session';
import { untrusted } from './session/session';
import type { Sessions } from './sessions';

interface InspectInput {
  model: string;
}

interface QuantizeInput {
  recipe: string;
  until?: RunUntil;
}

/** Tools for language models, beside the commands; nothing where this editor has no such thing. */
export function registerTools(sessions: Sessions): vscode.Disposable {
  const lm = (vscode as Partial<typeof vscode>).lm as Partial<typeof vscode.lm> | undefined;
  if (typeof lm?.registerTool !== 'function') return new vscode.Disposable(() => undefined);
  return vscode.Disposable.from(
    lm.registerTool<InspectInput>(ids.inspectTool, {
      prepareInvocation: ({ input }) => ({
        invocationMessage: vscode.l10n.t('Reading {0}', input.model),
      }),
      invoke: async ({ input }) => {
        const session = await sessionOf(await fileUri(input.model), sessions);
        await session.ensureSummary();
        const { summary, result, failure } = session.state;
        if (!summary)
          throw new Error(failure ? errorLine(failure) : 'The model could not be read.');
        return text([summaryTable(summary).text, ...(result ? resultText(result) : [])]);
      },
    }),
    lm.registerTool<QuantizeInput>(ids.quantizeTool, {
      prepareInvocation: ({ input }) => ({
        invocationMessage: vscode.l10n.t('Running {0}', input.recipe),
        confirmationMessages: {
          title: vscode.l10n.t('Quantize a model'),
          message: vscode.l10n.t('Run {0}? It writes the quantized model beside it.', input.recipe),
        },
      }),
      invoke: async ({ input }, token) => {
        if (!vscode.workspace.isTrusted) throw untrusted();
        const session = await sessionOf(await fileUri(input.recipe), sessions);
        const result = await runUntilDone(session, input.until ?? 'all', token);
        return text(resultText(result));
      },
    }),
  );
}

async function runUntilDone(
  session: ModelSession,
  until: RunUntil,
  token: vscode.CancellationToken,
): Promise<RunResult> {
  await session.idle();
  const stop = token.onCancellationRequested(() => session.cancel());
  try {
    const result = await session.start({ title: vscode.l10n.t('Quantize'), until });
    if (result) return result;
    const { failure } = session.state;
    throw new Error(failure ? errorLine(failure) : 'The run was cancelled.');
  } finally {
    stop.dispose();
  }
}

function resultText(result: RunResult): string[] {
  const worst = worstLayers(result);
  return [
    verdictFigure(result).text,
    worst.length
      ? `Layers that hurt: ${worst.map((l) => `${l.name} (${costOf(l)})`).join(', ')}`
      : 'No single layer hurts.',
    layersFigure(result).text,
    ...result.notes.map(({ severity, message }) => `${severity}: ${message}`),
  ];
}

function text(parts: string[]): vscode.LanguageModelToolResult {
  return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(parts.join('\n\n'))]);
}

/** A path as a model says it: absolute, or below one of the workspace's folders. */
async function fileUri(path: string): Promise<vscode.Uri> {
  if (isAbsolute(path)) return vscode.Uri.file(path);
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    const uri = vscode.Uri.file(join(folder.uri.fsPath, path));
    try {
      await vscode.workspace.fs.stat(uri);
      return uri;
    } catch {
      // not in this folder
    }
  }
  throw new Error(`There is no ${path} in this workspace.`);
}
