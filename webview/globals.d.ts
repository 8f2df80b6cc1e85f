/** esbuild bundles style sheets. */
declare module '*.css';

/** src/errors.ts is on floor 0 and names Node's error type; pages have no Node types. */
declare namespace NodeJS {
  interface ErrnoException extends Error {
    code?: string;
  }
}
