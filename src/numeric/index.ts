/** The numeric room's front door. */
export * from './bootstrap';
export * from './channel-closeness';
export * from './channels';
export * from './closeness';
export * from './exact-moments';
export * from './exact-sum';
export * from './expected-error';
export * from './half';
export * from './half-error';
export * from './histogram';
export * from './moments';
export * from './quantize';
export * from './random';
export * from './statistics-kernel';
export * from './sweep';
export * from './transpose';
