/** The ONNX room's front door. */
export * from './attributes';
export * from './bodies';
export * from './float-reader';
export * from './graph';
export { hold, heldSource, makeHeldTensor, ComputedBytes, FileBytes } from './held';
export type { ByteSource, Extent } from './held';
export { externalFile, externalLocation, externalSource } from './external';
export * from './load';
export * from './model';
export * from './model-hash';
export * from './order';
export * from './save';
export * from './schema';
export * from './slice';
export { Spool } from './spool';
export * from './tensor';
export type * from './value';
