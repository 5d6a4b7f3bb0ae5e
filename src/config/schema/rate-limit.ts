import * as z from 'zod';
import { RATE_LIMIT_KEYS } from '../resolved.ts';
import { integer, noun, oneOf, rate, withShortForm } from './basics.ts';

const long = noun({
  rate: rate().describe('How many requests in how much time: `100/s`, `20/m`, `1000/h`, `50000/d`.'),
  burst: integer(1, 100_000_000)
    .optional()
    .describe(
      'Makes it a token bucket of this depth, refilled at `rate`. Without it, no window of that length ever sees more than `rate`.',
    ),
  key: oneOf(RATE_LIMIT_KEYS)
    .prefault('client_ip')
    .describe('What is counted: `client_ip` = each client address by itself (IPv6 by its /64).'),
});

/** `100/s` or `{ rate, burst, key }`. */
export const rateLimit = withShortForm(long, z.string({ error: (issue) => bare(issue.input) }), (text) => ({
  rate: text,
}));

function bare(input: unknown): string | undefined {
  return typeof input === 'number' ? `${input} has no unit. Write ${input}/s or ${input}/m.` : undefined;
}
