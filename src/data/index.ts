/** Data to calibrate and evaluate on: everything that other rooms need of this one. */
export * from './cast';
export { isImage } from './images/source';
export * from './labels';
export * from './metric';
export * from './metric-module';
export * from './metrics';
export * from './open';
export { readTensorFile } from './protos';
export { spread } from './select';
export type * from './source';
