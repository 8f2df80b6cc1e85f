import { basename, dirname, extname, join } from 'node:path';
import * as vscode from 'vscode';
import { VernierError } from '../../errors';
import type { RangeFormat } from '../../jobs/range-formats';
import type { WrittenRanges } from '../../results';
import { commands } from '../manifest/commands';
import type { ModelSession } from '../session/session';
import { untrusted } from '../session/session';
import { readRecipe } from '../sessions';
import { ask } from './ask';
import type { Services } from './services';
import { targetOf } from './target';
import { underNotification } from './underNotification';

export interface ExportRangesOptions {
  /** Asked for if they are left out. */
  format?: RangeFormat;
  to?: vscode.Uri;
}

interface FormatItem extends vscode.QuickPickItem {
  format: RangeFormat;
  extension: string;
}

/**
 * *Export Ranges…*: the ranges that calibration saw, as the recipe's observers choose them, in another tool's format. What
 * was calibrated is not calibrated again. Answers where they went.
 */
export async function exportRanges(
  services: Services,
  argument: unknown,
  options: ExportRangesOptions = {},
): Promise<vscode.Uri | undefined> {
  if (!vscode.workspace.isTrusted) throw untrusted();
  const session = await targetOf(argument, services.sessions, true);
  if (!session) return undefined;
  const { text } = await readRecipe(session.recipePath);
  if (text === null)
    throw new VernierError('recipe.not-found', `${session.state.fileName} has no recipe yet.`, {
      remedy: 'Calibrate the model first.',
    });
  const item = options.format
    ? formats().find(({ format }) => format === options.format)
    : await pickFormat(session);
  if (!item) return undefined;
  const to = options.to ?? (await pickFile(session, item));
  if (!to) return undefined;
  const title = vscode.l10n.t('Reading the ranges of {0}', session.state.fileName);
  const exports = [{ format: item.format, file: to.fsPath }];
  const request = { recipePath: session.recipePath, text, exports };
  const made = await underNotification(services.sessions, title, 'calibrate', request);
  const [written] = made?.exported ?? [];
  if (!written) return undefined;
  void tell(services, written, to);
  return to;
}

function formats(): FormatItem[] {
  const item = (format: RangeFormat, label: string, extension: string, detail: string) => ({
    format,
    label,
    extension,
    detail,
  });
  return [
    item(
      'onnxruntime',
      'onnxruntime',
      'ranges.json',
      vscode.l10n.t('Calibration table of onnxruntime as JSON: lowest and highest value'),
    ),
    item(
      'onnxruntime-flatbuffers',
      'onnxruntime FlatBuffers',
      'flatbuffers',
      vscode.l10n.t('The same as FlatBuffers, for its TensorRT provider: magnitudes'),
    ),
    item(
      'onnxruntime-text',
      'onnxruntime text',
      'ranges.cache',
      vscode.l10n.t('The same as text: magnitudes'),
    ),
    item(
      'tensorrt',
      'TensorRT',
      'tensorrt.cache',
      vscode.l10n.t('TensorRT’s own calibration cache: scales of symmetric int8'),
    ),
    item(
      'aimet',
      'AIMET',
      'encodings.json',
      vscode.l10n.t('AIMET’s encodings: scale and offset of every tensor'),
    ),
    item(
      'overrides',
      'TensorQuantOverrides',
      'overrides.json',
      vscode.l10n.t(
        'TensorQuantOverrides of onnxruntime’s quantize_static: scale, zero point and type',
      ),
    ),
  ];
}

function pickFormat(session: ModelSession): Thenable<FormatItem | undefined> {
  return ask(formats(), {
    title: vscode.l10n.t('Ranges of {0} for another tool', session.state.fileName),
    matchOnDetail: true,
  });
}

function pickFile(
  session: ModelSession,
  { extension, label }: FormatItem,
): Thenable<vscode.Uri | undefined> {
  const stem = basename(session.modelPath, extname(session.modelPath));
  return vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.file(join(dirname(session.recipePath), `${stem}.${extension}`)),
    filters: { [label]: [extname(extension).slice(1) || extension] },
    saveLabel: vscode.l10n.t('Export Ranges'),
  });
}

/** Says what was written, and what has no range; each of these goes to the log. */
async function tell({ log }: Services, written: WrittenRanges, to: vscode.Uri): Promise<void> {
  const { left, tensors, file, unmarked } = written;
  for (const { tensor, reason } of left)
    log.info(`${basename(file)}: ${tensor} has no range: ${reason}`);
  const open = vscode.l10n.t('Open');
  const showLog = vscode.l10n.t('Show Log');
  const said = [
    vscode.l10n.t('{0} ranges are in {1}.', tensors, vscode.workspace.asRelativePath(to)),
    ...(left.length > 0
      ? [vscode.l10n.t('{0} tensors have none: the log says why.', left.length)]
      : []),
    ...(unmarked
      ? [vscode.l10n.t('They come from random data, which this format has no place to say.')]
      : []),
  ];
  const chosen = await vscode.window.showInformationMessage(
    said.join(' '),
    ...(left.length > 0 ? [open, showLog] : [open]),
  );
  if (chosen === open) await vscode.commands.executeCommand('vscode.open', to);
  else if (chosen === showLog) await vscode.commands.executeCommand(commands.showLog.id);
}
