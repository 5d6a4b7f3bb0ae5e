/** The control loops of the main thread: each is a pure `decide.ts` and a thin `loop.ts`. */
export * from './health/index.ts';
