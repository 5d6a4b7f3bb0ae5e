export { clientKey } from './client-key.ts';
export * from './options.ts';
export { compilePool } from './pool.ts';
