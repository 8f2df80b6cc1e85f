/** Every setting with its type and default; checked against package.json by the manifest's unit test. */
export interface Settings {
  /** What follows a quick fix that changed which layers stay in FP32. */
  'vernier.runAfterFix': 'always' | 'ask' | 'never';
  /** Warn about the layers that hurt, on the recipe. */
  'vernier.diagnostics.layersThatHurt': boolean;
  /** The line above a recipe that runs it and says what it gave last. */
  'vernier.codeLens': boolean;
  /** Minutes after which an idle worker process is ended. */
  'vernier.worker.idleMinutes': number;
}

export const settings: { [K in keyof Settings]: { scope: string; default: Settings[K] } } = {
  'vernier.runAfterFix': { scope: 'resource', default: 'always' },
  'vernier.diagnostics.layersThatHurt': { scope: 'resource', default: true },
  'vernier.codeLens': { scope: 'resource', default: true },
  'vernier.worker.idleMinutes': { scope: 'window', default: 5 },
};
