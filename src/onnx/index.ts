/** The ONNX room's front door. */
export * from './attributes';
export * from './bodies';
export * from './graph';
export * from './load';
export * from './model';
export * from './order';
export * from './save';
export * from './schema';
export * from './tensor';
export type * from './value';
