import * as z from 'zod';
import { byteRate, integer, isMapping, noun, rate, withShortForm } from './basics.ts';
import { requestKey } from './request-key.ts';

/** What a limit of a listener or of a route may count by, beside what a request has. */
export const LISTENER_WORDS = ['listener'] as const;
export const ROUTE_WORDS = ['route', 'tenant'] as const;

const KEY_OF = {
  listener: '`listener` = all requests together',
  route: '`route` = all requests together, `tenant` = each tenant',
} as const;

/** What is counted, as a key of the file. */
export function limitKey(of: 'listener' | 'route') {
  return requestKey(of === 'listener' ? LISTENER_WORDS : ROUTE_WORDS)
    .prefault('client_ip')
    .describe(
      `What is counted by itself: \`client_ip\` = each client address (IPv6 by its /64), \`header:NAME\`, \`cookie:NAME\`, \`query:NAME\` = each value, \`path\` = each path, ${KEY_OF[of]}. A request without it counts by its client’s address.`,
    );
}

function dryRun() {
  return z
    .boolean()
    .prefault(false)
    .describe('Refuse nobody: only count and log whom it would have refused.');
}

function long(of: 'listener' | 'route') {
  return {
    rate: rate().describe('How many requests in how much time: `100/s`, `20/m`, `1000/h`, `50000/d`.'),
    burst: integer(1, 100_000_000)
      .optional()
      .describe(
        'Makes it a token bucket of this depth, refilled at `rate`. Without it, no window of that length ever sees more than `rate`.',
      ),
    key: limitKey(of),
    dry_run: dryRun(),
  };
}

const routeLong = noun({
  ...long('route'),
  shared: z
    .boolean()
    .prefault(false)
    .describe(
      'Count over all daemons that have the same `shared_limits` and the same route, in windows that begin with a key’s first request.',
    ),
}).refine(({ shared, burst }) => !shared || burst === undefined, {
  path: ['burst'],
  message: 'Shared limits are windows, without a burst. Remove burst, or shared.',
  when: isMapping,
});

/** `100/s` or `{ rate, burst, key, dry_run }`, or a list of them. */
function rateLimits<Long extends z.ZodType>(long: Long) {
  const one = withShortForm(
    long,
    z.string({ error: (issue) => bare(issue.input) }),
    (text) => ({ rate: text }) as z.input<Long>,
  );
  return z.union([one, z.array(one).min(1)]);
}

/** `10` or `{ max, key, dry_run }`, or a list of them. */
function concurrencyLimits(of: 'listener' | 'route') {
  const max = integer(1, 1_000_000);
  const one = withShortForm(
    noun({
      max: max.describe('Requests in flight at one time; a WebSocket counts as long as it is open.'),
      key: limitKey(of),
      dry_run: dryRun(),
    }),
    max,
    (number) => ({ max: number }),
  );
  return z.union([one, z.array(one).min(1)]);
}

export const listenerConcurrency = concurrencyLimits('listener');
export const routeConcurrency = concurrencyLimits('route');
export const listenerRateLimit = rateLimits(noun(long('listener')));
export const routeRateLimit = rateLimits(routeLong);

function bare(input: unknown): string | undefined {
  return typeof input === 'number' ? `${input} has no unit. Write ${input}/s or ${input}/m.` : undefined;
}

/** `1MiB/s` or `{ download, upload }`. */
export const bandwidth = withShortForm(
  noun({
    download: byteRate({ min: '1B/s' }).optional().describe('Of the answer, to the client.'),
    upload: byteRate({ min: '1B/s' }).optional().describe('Of the body of the request, from the client.'),
  }),
  z.string({
    error: ({ input }) =>
      typeof input === 'number' ? `${input} has no unit. Write ${input}KiB/s.` : undefined,
  }),
  (text) => ({ download: text }),
);
