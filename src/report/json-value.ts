/** A JSON value as `JSON.stringify` writes it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
