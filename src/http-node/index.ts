export { NodeEngine } from './node-engine.ts';
