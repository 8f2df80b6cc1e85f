/** Recurrent cells taken apart: the front door. */
export { isRecurrent, readCell, type RecurrentCell } from './cell';
export { expandCell, type SequenceSizes } from './expand';
export { floatProjection, type Projection } from './projection';
