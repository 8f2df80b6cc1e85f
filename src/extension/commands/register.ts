import * as vscode from 'vscode';
import { toErrorData } from '../../errors';
import { commands, type CommandName } from '../manifest/commands';
import { errorLine } from '../remedy';
import { afterFix } from './afterFix';
import { cancel } from './cancel';
import { compareModels } from './compareModels';
import { chooseMode, chooseTarget } from './chooseWord';
import { dequantize, type DequantizeOptions } from './dequantize';
import { exportRanges, type ExportRangesOptions } from './exportRanges';
import { exportReport, type ExportOptions } from './exportReport';
import { keepLayer } from './keepLayer';
import { findBest, type FindBestOptions } from './findBest';
import { measureFusions } from './measureFusions';
import { measureModes } from './measureModes';
import { measureSensitivity, type MeasureSensitivityOptions } from './measureSensitivity';
import { planMixed } from './planMixed';
import { openModel, openRecipe, type OpenRecipeOptions } from './openRecipe';
import { calibrate, compare, quantize, type RunOptions } from './quantize';
import type { Services } from './services';

type Handler = (services: Services, target: unknown, options: unknown) => unknown;

const handlers: Record<CommandName, Handler> = {
  quantize: (services, target, options) => quantize(services, target, plain<RunOptions>(options)),
  calibrate: (services, target, options) => calibrate(services, target, plain<RunOptions>(options)),
  compare: (services, target, options) => compare(services, target, plain<RunOptions>(options)),
  compareModels,
  chooseMode,
  measureModes,
  planMixed: (services, target, options) => planMixed(services, target, plain<RunOptions>(options)),
  measureSensitivity: (services, target, options) =>
    measureSensitivity(services, target, plain<MeasureSensitivityOptions>(options)),
  findBest: (services, target, options) =>
    findBest(services, target, plain<FindBestOptions>(options)),
  measureFusions,
  chooseTarget,
  dequantize: (services, target, options) =>
    dequantize(services, target, plain<DequantizeOptions>(options)),
  openRecipe: (services, target, options) =>
    openRecipe(services, target, plain<OpenRecipeOptions>(options)),
  openModel,
  exportReport: (services, target, options) =>
    exportReport(services, target, plain<ExportOptions>(options)),
  exportRanges: (services, target, options) =>
    exportRanges(services, target, plain<ExportRangesOptions>(options)),
  keepLayer,
  cancel,
  showLog: ({ log }) => log.show(true),
  afterFix,
};

/** Registers every command of the table. What one throws is shown and logged, and not thrown on. */
export function registerCommands(services: Services): vscode.Disposable {
  const registered = (Object.keys(commands) as CommandName[]).map((name) =>
    vscode.commands.registerCommand(
      commands[name].id,
      async (target: unknown, options: unknown) => {
        try {
          return await handlers[name](services, target, options);
        } catch (thrown) {
          const error = toErrorData(thrown);
          const stack = thrown instanceof Error ? thrown.stack : '';
          services.log.error(`${commands[name].id}: ${error.code}: ${error.message}\n${stack}`);
          void vscode.window.showErrorMessage(errorLine(error));
          return undefined;
        }
      },
    ),
  );
  return vscode.Disposable.from(...registered);
}

/**
 * Options of a caller of ours. The explorer passes the list of selected files as the second argument, and
 * title bars pass a context object: neither is options.
 */
function plain<T extends object>(options: unknown): T | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return undefined;
  return 'groupId' in options ? undefined : (options as T);
}
