import { basename } from 'node:path';
import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import { floatName } from '../../jobs/float-name';
import type { DequantizeResult, ModelSummary } from '../../results';
import { commands } from '../manifest/commands';
import { untrusted } from '../session/session';
import { dequantized } from './dequantized';
import type { Services } from './services';
import { showInspector, targetOf } from './target';
import { underNotification } from './underNotification';

/** The cap of an SQNR, in dB: nothing differs. */
const SAME = 150;

export interface DequantizeOptions {
  /** Where the float model goes; asked for if it is left out. */
  to?: vscode.Uri;
}

/** *De-quantize Model…*: a quantized model as floats again, in a file of its own. Answers where it went. */
export async function dequantize(
  services: Services,
  argument: unknown,
  options: DequantizeOptions = {},
): Promise<vscode.Uri | undefined> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return undefined;
  await session.ensureSummary();
  const { summary } = session.state;
  if (summary && holdsNothing(summary))
    throw new VernierError(
      'model.not-quantized',
      `${session.state.fileName} holds nothing that is quantized.`,
      { file: session.modelPath, remedy: 'Use it as it is.' },
    );
  const to =
    options.to ??
    (await vscode.window.showSaveDialog({
      defaultUri: vscode.Uri.file(floatName(session.modelPath)),
      filters: { ONNX: ['onnx'] },
      saveLabel: vscode.l10n.t('De-quantize'),
      title: vscode.l10n.t('Where the float model goes'),
    }));
  if (!to) return undefined;
  const model = session.modelPath;
  const title = vscode.l10n.t('De-quantizing {0}', basename(model));
  const request = { model, output: to.fsPath };
  const result = await underNotification(services.sessions, title, 'dequantize', request);
  if (!result) return undefined;
  void tell(services, result);
  return to;
}

/** No quantizing operator, at its top level or in a branch or loop. */
function holdsNothing({ quantized, notes }: ModelSummary): boolean {
  return quantized === null && !notes.some(({ code }) => code === 'already-quantized');
}

/** Says what it did, and offers to look at it; the whole list of what stays goes to the log. */
async function tell({ log, sessions }: Services, result: DequantizeResult): Promise<void> {
  const { output, model, left } = result;
  for (const { node, op, reason } of left)
    log.info(`${basename(output)}: ${node} (${op}) stays: ${reason}`);
  const open = vscode.l10n.t('Open');
  const showLog = vscode.l10n.t('Show Log');
  const buttons = left.length > 1 ? [open, showLog] : [open];
  const text = sentences(result, basename(model)).join(' ');
  const chosen = await vscode.window.showInformationMessage(text, ...buttons);
  if (chosen === open) await showInspector(sessions.get(output));
  else if (chosen === showLog) await vscode.commands.executeCommand(commands.showLog.id);
}

function sentences(result: DequantizeResult, model: string): string[] {
  const { floats, before, stays, compared, notCompared } = dequantized(result);
  const where = vscode.workspace.asRelativePath(result.output);
  const said = [
    vscode.l10n.t(
      '{0} is written: {1} of {2} quantizing nodes are floats now.',
      where,
      floats,
      before,
    ),
  ];
  if (compared) {
    const { db, samples, random } = compared;
    const source = random ? vscode.l10n.t('random data, not yours') : compared.source;
    said.push(
      db >= SAME
        ? vscode.l10n.t('Its outputs equal those of {0} (n = {1}, {2}).', model, samples, source)
        : vscode.l10n.t(
            'SQNR of its outputs against {0}, whose activations are rounded: {1} dB at worst (n = {2}, {3}).',
            model,
            db.toFixed(1),
            samples,
            source,
          ),
    );
  }
  if (notCompared) said.push(notCompared);
  if (stays)
    said.push(
      vscode.l10n.t('{0} ({1}) stays: {2}.', stays.node, stays.op, stays.reason.replace(/\.$/, '')),
    );
  return said;
}
