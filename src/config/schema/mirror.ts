import { name, noun, percent, withShortForm } from './basics.ts';

/** Of a route: where copies of its requests go. */
export const mirror = withShortForm(
  noun({
    pool: name().describe('Its servers get them; nobody waits for what they answer.'),
    share: percent({ min: '0.1%' }).prefault('100%').describe('Part of the requests that are copied.'),
  }),
  name(),
  (pool) => ({ pool }),
);
