export { clientKey, hashText, mix32 } from './client-key.ts';
export { readCookie } from './cookie.ts';
export * from './options.ts';
export { compilePool } from './pool.ts';
