import { choiceDocument, choiceText } from '../report/choice';
import type { Command } from './command';
import { shortPath } from './error-text';
import { exitCodes } from './exit-codes';
import { tableWidth, type Io } from './io';
import { recipeOf, requestShowing } from './request';

/** `vernier choose`: measures modes on this machine and says which wins. */
export async function choose(
  command: Extract<Command, { name: 'choose' }>,
  io: Io,
): Promise<number> {
  const { cwd } = io;
  const { subject, modes } = command;
  const flags = command.flags && { ...command.flags, 'quantization.mode': 'auto' };
  const choice = await requestShowing(io, command.quiet, 'choose', {
    ...recipeOf(subject, flags, cwd),
    ...(modes ? { modes } : {}),
  });
  const shown = {
    ...choice,
    model: shortPath(choice.model, cwd),
    recipe: choice.recipe === null ? null : shortPath(choice.recipe, cwd),
  };
  if (command.json) io.stdout.write(`${JSON.stringify(choiceDocument(shown), null, 2)}\n`);
  else if (!command.quiet) io.stdout.write(`${choiceText(shown, { width: tableWidth(io) })}\n`);
  return exitCodes.done;
}
