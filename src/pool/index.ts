export { clientKey } from './client-key.ts';
export * from './options.ts';
