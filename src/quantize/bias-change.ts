/** What correction did to one layer. */
export interface BiasChange {
  /** Root mean square over channels of the shift of the mean on samples that were held back, before and after. */
  before: number;
  after: number;
  /** False where the held-back samples did not agree: the bias stays as it was. */
  kept: boolean;
}
