import type { LogOutputChannel } from 'vscode';

/** The output channel "Vernier". */
export type Log = Pick<LogOutputChannel, 'trace' | 'info' | 'warn' | 'error' | 'show'>;
