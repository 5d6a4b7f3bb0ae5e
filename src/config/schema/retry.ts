import * as z from 'zod';
import { RETRY_FAILURES } from '../resolved-failing.ts';
import { duration, integer, noun, oneOf, percent, withShortForm } from './basics.ts';

const attempts = () => integer(1, 100);
const when = () => z.array(z.union([oneOf(RETRY_FAILURES), integer(400, 599)]));
const nonIdempotent = () => z.union([z.boolean(), z.literal('with_key')]);
const backoffTime = () => duration({ max: '1m' });

const WHEN =
  'What is asked of another server: `connect_error` (no connection), `reset` (it ended without an answer), `timeout` (no answer in time), `bad_answer` (it broke HTTP), and statuses of answers.';
const NON_IDEMPOTENT =
  'What was sent is repeated only when its method allows it (GET, HEAD, PUT, DELETE …). `with_key`: also what has an `Idempotency-Key` field. `true`: everything, even if it is then done twice.';
const PER_ATTEMPT =
  'From the start of an attempt, or from the end of the request if that is later, to the head of the answer. Then it has failed with `timeout`. Without it, `connect_timeout` and `first_byte_timeout` hold.';

/** Of a pool. */
export const poolRetry = withShortForm(
  noun({
    attempts: attempts()
      .prefault(3)
      .describe(
        'Servers tried for one request, the first included. Only what cannot have been done twice is repeated.',
      ),
    when: when()
      .prefault([...RETRY_FAILURES])
      .describe(WHEN),
    non_idempotent: nonIdempotent().prefault(false).describe(NON_IDEMPOTENT),
    per_attempt_timeout: duration({ min: '1ms' }).optional().describe(PER_ATTEMPT),
    backoff: noun({
      base: backoffTime()
        .prefault('25ms')
        .describe('The second repeat waits up to this long, the third up to twice as long, and so on.'),
      max: backoffTime().prefault('250ms').describe('And no longer than this.'),
    })
      .prefault({})
      .describe(
        'How long a repeat of what was sent waits, by chance between nothing and this. The first goes at once: it goes to another server.',
      ),
    budget: percent()
      .prefault('20%')
      .describe(
        'Most retries, as a part of the requests of the last ten seconds; ten a second are always allowed. What never reached a server does not count.',
      ),
  }),
  attempts(),
  (count) => ({ attempts: count }),
);

/** Of a route: what is not given is as the pool has it. */
export const routeRetry = withShortForm(
  noun({
    attempts: attempts().optional().describe('Servers tried for one request, the first included.'),
    when: when().optional().describe(WHEN),
    non_idempotent: nonIdempotent().optional().describe(NON_IDEMPOTENT),
    per_attempt_timeout: duration({ min: '1ms' }).optional().describe(PER_ATTEMPT),
  }),
  attempts(),
  (count) => ({ attempts: count }),
);

const QUANTILES = ['p50', 'p75', 'p90', 'p95', 'p99'] as const;

/** Of a pool. */
export const hedge = z.union([
  withShortForm(
    noun({
      delay: z
        .union([oneOf(QUANTILES), duration({ min: '1ms' })])
        .describe(
          'How long the first attempt may take to the head of its answer: a time, or `p50`, `p75`, `p90`, `p95`, `p99` of what answers of this pool take. Only for what may be repeated and lies whole in memory, and within `retry.budget`.',
        ),
    }),
    z.string(),
    (delay) => ({ delay }),
  ),
  z.literal(false),
]);
