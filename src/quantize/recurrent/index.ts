/** Recurrent cells taken apart: the front door. */
export { isRecurrent, readCell, whyNotApart, type RecurrentCell } from './cell';
export { expandCell, type SequenceSizes } from './expand';
export { findCells, type CellMember } from './find-cells';
export { floatProjection, type Projection } from './projection';
export { hiddenKey, hiddenTensors, sequenceSizes } from './unit';
export { writeApart, writeApartDynamic } from './write-apart';
export { apartName } from './scope';
