import path from 'node:path';
import type { ChooseRequest } from '../jobs/protocol';
import { choiceDocument, choiceText } from '../report/choice';
import type { ModeChoice } from '../results';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { ProgressWriter } from './progress';
import { makeRecipe } from './recipe';

/** `vernier choose`: measures modes on this machine and says which wins. */
export async function choose(
  command: Extract<Command, { name: 'choose' }>,
  io: Io,
): Promise<number> {
  const { client, signal, cwd } = io;
  const progress = command.quiet ? null : new ProgressWriter(io.stderr);
  let choice: ModeChoice;
  try {
    choice = await client.request(
      'choose',
      { ...subjectOf(command, cwd), ...(command.modes ? { modes: command.modes } : {}) },
      { signal, onProgress: (step) => progress?.show(step) },
    );
  } finally {
    progress?.end();
  }
  const shown = {
    ...choice,
    model: shortPath(choice.model, cwd),
    recipe: choice.recipe === null ? null : shortPath(choice.recipe, cwd),
  };
  if (command.json) io.stdout.write(`${JSON.stringify(choiceDocument(shown), null, 2)}\n`);
  else if (!command.quiet) io.stdout.write(`${choiceText(shown, { width: tableWidth(io) })}\n`);
  return exitCodes.done;
}

/** A recipe as it stands, or one that the flags amount to. */
function subjectOf(
  { subject, flags }: Extract<Command, { name: 'choose' }>,
  cwd: string,
): ChooseRequest {
  if (flags === null) return { recipePath: path.resolve(cwd, subject) };
  const made = makeRecipe(subject, { ...flags, 'quantization.mode': 'auto' }, null, cwd);
  return { recipePath: made.path, text: made.text };
}
