import * as vscode from 'vscode';
import type { ErrorData } from '../../errors';
import type { Figure } from '../../report/figures/figure';
import { errorLine } from '../remedy';

export const plotlyMime = 'application/vnd.plotly.v1+json';

/** A figure in every form at once: the richest that a reader knows is shown, GitHub and JupyterLab included. */
export function figureOutput(figure: Figure): vscode.NotebookCellOutput {
  const items: vscode.NotebookCellOutputItem[] = [];
  if (figure.plotly) items.push(vscode.NotebookCellOutputItem.json(figure.plotly, plotlyMime));
  if (figure.svg) items.push(vscode.NotebookCellOutputItem.text(figure.svg, 'image/svg+xml'));
  else items.push(vscode.NotebookCellOutputItem.text(figure.html, 'text/html'));
  items.push(vscode.NotebookCellOutputItem.text(figure.text, 'text/plain'));
  return new vscode.NotebookCellOutput(items);
}

/** A line that stands while a cell runs. */
export function progressOutput(text: string): vscode.NotebookCellOutput {
  return new vscode.NotebookCellOutput([vscode.NotebookCellOutputItem.text(text, 'text/plain')]);
}

/** What went wrong, where the result would have stood. */
export function errorOutput(error: ErrorData): vscode.NotebookCellOutput {
  const shown = new Error(errorLine(error));
  shown.name = error.code;
  shown.stack = '';
  return new vscode.NotebookCellOutput([vscode.NotebookCellOutputItem.error(shown)]);
}
