import * as vscode from 'vscode';
import { keepAndRun } from './commands/keep';
import { revealInRecipe } from './commands/openRecipe';
import { takePlan } from './commands/planMixed';
import { registerCommands } from './commands/register';
import { InspectorProvider } from './inspector/provider';
import { registerLanguage } from './language/register';
import { commands } from './manifest/commands';
import { NotebookKernels } from './notebook/controller';
import { Sessions } from './sessions';
import { followContext } from './status/context';
import { notifyFailures } from './status/failures';
import { RunningJobs } from './status/running';
import { registerTools } from './tools';

/** Registers what the manifest promises. Nothing is read and no process is started before it is asked for. */
export function activate(context: vscode.ExtensionContext): void {
  const began = performance.now();
  const log = vscode.window.createOutputChannel('Vernier', { log: true });
  const sessions = new Sessions(context.asAbsolutePath('dist/worker.js'), log);
  const inspector = new InspectorProvider({
    sessions,
    log,
    extensionUri: context.extensionUri,
    run: (name, ...args) => vscode.commands.executeCommand(commands[name].id, ...args),
    keep: (session, layers, keep) =>
      keepAndRun(session, keep ? { keep: layers, release: [] } : { keep: [], release: layers }),
    takePlan,
    select: revealInRecipe,
  });
  context.subscriptions.push(
    log,
    sessions,
    inspector.register(),
    registerCommands({ context, log, sessions, inspector }),
    registerLanguage(sessions, inspector),
    new NotebookKernels(sessions, log),
    new RunningJobs(sessions, inspector),
    notifyFailures(sessions),
    followContext(sessions),
    registerTools(sessions),
  );
  log.info(`activated in ${(performance.now() - began).toFixed(1)} ms`);
}
