import * as z from 'zod';
import { duration, integer, noun, percent, withShortForm } from './basics.ts';

const limit = () => integer(1, 10_000_000).optional();

const long = noun({
  failure_rate: percent()
    .prefault('50%')
    .describe(
      'Part of the requests in `window` that fail, repeats included, from which on the pool is not asked: no answer from any server, or 502, 503, 504. `0%` = not looked at.',
    ),
  min_requests: integer(1, 1_000_000).prefault(20).describe('With fewer in the window a rate says nothing.'),
  window: duration({ min: '100ms', max: '1h' })
    .prefault('10s')
    .describe('The time before, sliding by tenths.'),
  consecutive_errors: integer(0, 1_000_000)
    .prefault(0)
    .describe('Failed requests in a row that open it as well. 0 = not looked at.'),
  open_time: duration({ min: '100ms', max: '1h' })
    .prefault('5s')
    .describe(
      'How long it refuses (503 `breaker_open`), times how often it opened in a row, at most 5m. Then it is half open.',
    ),
  probes: integer(1, 1000)
    .prefault(3)
    .describe(
      'Requests let in at a time when it is half open. As many answered close it, one that fails opens it again.',
    ),
  max_connections: limit().describe(
    'Requests at all servers of the pool together at most, over all data threads; further ones wait in `queue`. Without it, no limit.',
  ),
  max_requests: limit().describe(
    'Requests that the pool has at a time at most, waiting ones included; further ones are refused at once (503 `pool_full`). Without it, no limit.',
  ),
  max_retries: limit().describe(
    'Requests that are being repeated at a time at most, beside the budget of `retry`. Without it, no limit.',
  ),
});

/** `true`, `false` or what opens it. */
export const circuitBreaker = z.union([withShortForm(long, z.literal(true), () => ({})), z.literal(false)]);

/** Of `adaptive_concurrency`. */
export const adaptive = noun({
  min: integer(1, 10_000_000).prefault(10).describe('The limit never falls below this.'),
  max: integer(1, 10_000_000).prefault(1000).describe('Nor does it rise above this.'),
  tolerance: percent({ min: '101%', max: '1000%' })
    .prefault('150%')
    .describe(
      'How long answers may take, compared with the least that was seen lately, before the limit falls.',
    ),
}).refine(({ min, max }) => min <= max, {
  path: ['min'],
  message: 'The least is above the most. Make max larger.',
});
