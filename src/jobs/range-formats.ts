/** Formats of ranges for other tools, for the faces: a list of names, and no engine with it. */
export { RANGE_FORMATS, type RangeFormat } from '../quantize/ranges/formats';
