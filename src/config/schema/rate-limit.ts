import * as z from 'zod';
import type { Rate } from '../units.ts';
import { byteRate, integer, isMapping, noun, rate, withShortForm } from './basics.ts';
import { parseLimitKey, requestKey } from './request-key.ts';

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

/** What all rate limits have. */
const RATE = {
  rate: rate().describe('How many requests in how much time: `100/s`, `20/m`, `1000/h`, `50000/d`.'),
  burst: integer(1, 100_000_000)
    .optional()
    .describe(
      'Makes it a token bucket of this depth, refilled at `rate`. Without it, no window of that length ever sees more than `rate`.',
    ),
};

/** @param same what daemons need in common beside the rate */
function shared(same: 'route' | 'tenant') {
  return z
    .boolean()
    .prefault(false)
    .describe(
      `Count over all daemons that have the same \`shared_limits\` and the same ${same}, in windows that begin with a key’s first request.`,
    );
}

const isWindow = (limit: { readonly shared: boolean; readonly burst?: number | undefined }): boolean =>
  !limit.shared || limit.burst === undefined;
const NO_BURST = {
  path: ['burst'],
  message: 'Shared limits are windows, without a burst. Remove burst, or shared.',
  when: isMapping,
};

const listenerRate = noun({ ...RATE, key: limitKey('listener'), dry_run: dryRun() });
const routeRate = noun({
  ...RATE,
  key: limitKey('route'),
  dry_run: dryRun(),
  shared: shared('route'),
}).refine(isWindow, NO_BURST);
/** A tenant is counted as a whole. */
const tenantRate = noun({ ...RATE, dry_run: dryRun(), shared: shared('tenant') }).refine(isWindow, NO_BURST);

const bareRate = z.string({
  error: ({ input }) =>
    typeof input === 'number' ? `${input} has no unit. Write ${input}/s or ${input}/m.` : undefined,
});

/** Of a limit, what it is counted under. */
interface Counted {
  readonly rate?: Rate;
  readonly burst?: number | undefined;
  readonly key?: string;
  readonly dry_run: boolean;
}

/** Two that are counted under the same name count each request twice. What is shared is counted here, too. */
function onceEach(all: readonly unknown[], context: z.core.$RefinementCtx<unknown>): void {
  const seen = new Set<string>();
  for (const [index, limit] of (all as readonly Counted[]).entries()) {
    const { rate, burst, key, dry_run } = limit;
    const name = JSON.stringify([rate, burst, key && parseLimitKey(key), dry_run]);
    if (seen.has(name))
      context.addIssue({
        code: 'custom',
        message: 'A limit above counts the same: each request would count twice. Remove one of the two.',
        path: [index],
      });
    seen.add(name);
  }
}

/** `100/s` or `{ rate, burst, key, dry_run }`, or a list of them. */
function rateLimits<Long extends z.ZodType>(long: Long) {
  const one = withShortForm(long, bareRate, (text) => ({ rate: text }) as z.input<Long>);
  return z.union([one, z.array(one).min(1).superRefine(onceEach)]);
}

const MAX = integer(1, 1_000_000);
const PLACES = {
  max: MAX.describe('Requests in flight at one time; a WebSocket counts as long as it is open.'),
};

/** `10` or `{ max, key, dry_run }`, or a list of them. */
function concurrencyLimits<Long extends z.ZodType>(long: Long) {
  const one = withShortForm(long, MAX, (number) => ({ max: number }) as z.input<Long>);
  return z.union([one, z.array(one).min(1).superRefine(onceEach)]);
}

export const listenerConcurrency = concurrencyLimits(
  noun({ ...PLACES, key: limitKey('listener'), dry_run: dryRun() }),
);
export const routeConcurrency = concurrencyLimits(
  noun({ ...PLACES, key: limitKey('route'), dry_run: dryRun() }),
);
export const tenantConcurrency = concurrencyLimits(noun({ ...PLACES, dry_run: dryRun() }));
export const listenerRateLimit = rateLimits(listenerRate);
export const routeRateLimit = rateLimits(routeRate);
export const tenantRateLimit = rateLimits(tenantRate);

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
