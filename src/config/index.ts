export * from './resolved.ts';
export { MASK, Secret } from './secret.ts';
