/** The context keys that `when` and `enablement` clauses may use; the manifest's unit test looks for others. */
export const contextKeys = {
  /** The active editor shows a model or its recipe. */
  hasModel: 'vernier.hasModel',
  /** The active model has a recipe. */
  hasRecipe: 'vernier.hasRecipe',
  /** The active model has a result. */
  hasResult: 'vernier.hasResult',
  /** The active model was quantized before. */
  quantized: 'vernier.quantized',
  /** A job runs on the active model. */
  running: 'vernier.running',
  /** A job runs on any model. */
  anyRunning: 'vernier.anyRunning',
} as const;

export type ContextKey = (typeof contextKeys)[keyof typeof contextKeys];
