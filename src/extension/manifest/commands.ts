/**
 * Every command, once. The unit test of the manifest checks this table against package.json; `internal`
 * ones are run by our own links, lenses and code actions and do not appear there.
 */
export interface CommandEntry {
  id: string;
  /** Codicon, where the command stands in a title bar. */
  icon?: string;
  internal?: true;
}

export const commands = {
  quantize: { id: 'vernier.quantize', icon: 'zap' },
  calibrate: { id: 'vernier.calibrate', icon: 'graph' },
  compare: { id: 'vernier.compare', icon: 'git-compare' },
  compareModels: { id: 'vernier.compareModels', icon: 'diff-multiple' },
  chooseMode: { id: 'vernier.chooseMode', icon: 'settings' },
  measureModes: { id: 'vernier.measureModes', icon: 'dashboard' },
  planMixed: { id: 'vernier.planMixed', icon: 'layers' },
  measureSensitivity: { id: 'vernier.measureSensitivity', icon: 'pulse' },
  findBest: { id: 'vernier.findBest', icon: 'telescope' },
  measureFusions: { id: 'vernier.measureFusions', icon: 'combine' },
  chooseTarget: { id: 'vernier.chooseTarget', icon: 'server-environment' },
  dequantize: { id: 'vernier.dequantize', icon: 'symbol-number' },
  openRecipe: { id: 'vernier.openRecipe', icon: 'settings-gear' },
  openModel: { id: 'vernier.openModel', icon: 'open-preview' },
  exportReport: { id: 'vernier.exportReport', icon: 'export' },
  exportRanges: { id: 'vernier.exportRanges', icon: 'export' },
  keepLayer: { id: 'vernier.keepLayer', icon: 'lock' },
  cancel: { id: 'vernier.cancel', icon: 'stop-circle' },
  showLog: { id: 'vernier.showLog', icon: 'output' },
  /** After a code action's edit: saves and, as the setting says, runs. */
  afterFix: { id: 'vernier.internal.afterFix', internal: true },
} as const satisfies Record<string, CommandEntry>;

export type CommandName = keyof typeof commands;
