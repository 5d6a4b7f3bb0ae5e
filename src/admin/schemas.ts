/**
 * What goes in and out of the API, defined once: types, validation and openapi.json come from here. Names are
 * snake_case, as in the file and the logs; quantities have their unit in the name; `null` = there is none.
 */
import * as z from 'zod';
import type { Role } from './control.ts';
import { parseServerAddress } from './server-address.ts';

const count = z.int().nonnegative();
const weight = wholeNumber(0, 1000);
const maxConnections = wholeNumber(1, 10_000_000);
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/;
const NAME_RULE = 'Use letters, digits, "-", "_" and ".", at most 64.';

function wholeNumber(min: number, max: number) {
  const error = `Write a whole number from ${min} to ${max}.`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

// ---- in

export const poolParams = z.object({ pool: z.string().describe('Name of the pool.') });
export const serverParams = poolParams.extend({
  id: z.string().describe('Id of the server, URL-encoded: `127.0.0.1%3A3001`, or as it is.'),
});

export const newServer = z.strictObject({
  address: z
    .string()
    .max(300)
    .superRefine((value, context) => {
      const parsed = parseServerAddress(value);
      if ('error' in parsed) context.addIssue({ code: 'custom', message: parsed.error });
    })
    .describe(
      '`host:port`; `:3001` is this machine; `unix:/run/app.sock` a socket on it, which needs the role admin.',
    ),
  id: z.string().regex(NAME, NAME_RULE).optional().describe('Unique in the pool; without it, the address.'),
  weight: weight.prefault(1).describe('Share of the requests compared with the others. 0 = no new ones.'),
  zone: z
    .string()
    .regex(NAME, NAME_RULE)
    .nullable()
    .prefault(null)
    .describe('Where it stands: servers of the own `zone` are asked first. null = nobody says.'),
  backup: z.boolean().prefault(false).describe('Used only when no other server can serve.'),
  max_connections: maxConnections
    .nullable()
    .prefault(null)
    .describe('Requests in flight at most, over all data threads; null = no limit.'),
  maintenance: z.boolean().prefault(false).describe('Takes no requests at all.'),
});
export type NewServer = z.output<typeof newServer>;

export const serverChange = z
  .strictObject({
    weight: weight.optional().describe('0–1000; 0 = no new requests.'),
    max_connections: maxConnections.nullable().optional().describe('null takes the limit away.'),
    maintenance: z.boolean().optional().describe('true: takes no requests at all.'),
  })
  .refine((change) => Object.keys(change).length > 0, {
    message: 'Nothing to change: give weight, max_connections or maintenance.',
  });
export type ServerChange = z.output<typeof serverChange>;

export const maintenanceSwitch = z.strictObject({ enabled: z.boolean() });
/** Of actions that take no arguments. */
export const noArguments = z.strictObject({}).nullish();

// ---- out

export const serverView = z.object({
  id: z.string(),
  pool: z.string(),
  address: z.string().describe('`host:port`, or `unix:` and a path.'),
  state: z.enum(['healthy', 'unhealthy', 'ejected', 'unknown', 'draining', 'maintenance']),
  origin: z
    .enum(['file', 'api', 'dns'])
    .describe('Whether the file has it, it was added while running, or a name of the file stands for it.'),
  weight: count,
  zone: z.string().nullable().describe('null = nobody says where it stands.'),
  backup: z.boolean(),
  max_connections: count.nullable(),
  maintenance: z.boolean(),
  draining: z.boolean().describe('Keeps its sticky clients, takes no new ones.'),
  in_flight: count.describe('Requests at this moment.'),
  requests_total: count.describe('Requests sent to it since it was added or the daemon started.'),
  answers: z
    .object({ '1xx': count, '2xx': count, '3xx': count, '4xx': count, '5xx': count })
    .describe('By class of status.'),
  errors: z.object({ connect: count, reset: count, timeout: count, bad_answer: count }),
  average_ms: z.number().nullable().describe('Moving average of the time to the first byte of the answer.'),
  health: z.object({
    checked: z.boolean().describe('Whether its pool has a health check.'),
    why: z.string().describe('Why it is unhealthy or ejected.'),
    response_ms: z.number().nullable().describe('Of the last check.'),
  }),
  agent: z
    .object({
      up: z.boolean(),
      mode: z.enum(['ready', 'drain', 'maint']),
      weight_percent: count.describe('Of `weight`.'),
      max_connections: count.nullable(),
      said: z.string().describe('Its last line.'),
    })
    .nullable()
    .describe('What the server says of itself; null = nothing.'),
});
export type ServerView = z.output<typeof serverView>;

export const poolView = z.object({
  name: z.string(),
  algorithm: z.string(),
  checked: z.boolean(),
  breaker: z
    .enum(['closed', 'open', 'half_open'])
    .nullable()
    .describe('State of the circuit breaker; closed = requests flow. null = there is none.'),
  available: count.describe('Servers that take new requests now.'),
  in_flight: count,
  requests_total: count,
  discovery: z
    .array(
      z.object({
        kind: z.enum(['dns', 'srv']),
        name: z.string(),
        outcome: z.enum(['found', 'empty', 'failed', 'unknown']).describe('Of the last look-up.'),
        why: z.string().describe('Why it failed or was empty.'),
        servers: count.describe('How many it stands for, those that stayed included.'),
      }),
    )
    .describe('Names in DNS that stand for servers of this pool.'),
  servers: z.array(serverView),
});
export type PoolView = z.output<typeof poolView>;

export const poolList = z.object({ pools: z.array(poolView) });
export const serverList = z.object({ servers: z.array(serverView) });

export const snapshotView = z.object({
  node: z.string().describe('Name of the machine.'),
  pid: count,
  version: z.string(),
  life: z.enum(['starting', 'ready', 'draining']),
  generation: count.describe('Counts what was put in force: reloads, added servers, new certificates.'),
  started_at: z.iso.datetime(),
  uptime_ms: count,
  threads: count.describe('Data threads that live.'),
  config_file: z.string(),
  listeners: z.array(
    z.object({
      name: z.string(),
      address: z.string().nullable().describe('null = all addresses. Or `unix:` and a path.'),
      port: count.describe('0 of a Unix socket.'),
      tls: z.boolean(),
      redirect_to_port: count.nullable(),
    }),
  ),
  pools: z.array(poolView),
});

const change = z.object({
  persisted: z.literal(false),
  note: z.string().describe('How long the change lasts.'),
  warnings: z.array(z.string()).describe('What the change did that you may not have wanted.'),
});
export const changedServer = change.extend({ server: serverView });
export type ChangedServer = z.output<typeof changedServer>;
export const removedServer = change.extend({ removed: z.string() });

export const checkReport = z.object({
  server: z.string(),
  healthy: z.boolean().describe('The verdict, which may need several checks to change.'),
  changed: z.boolean(),
  why: z.string(),
  response_ms: z.number(),
});

const nounDiff = z.object({
  kept: z.array(z.string()),
  added: z.array(z.string()),
  changed: z.array(z.object({ name: z.string(), what: z.array(z.string()) })),
  removed: z.array(z.string()),
});
const diagnostic = z.object({
  severity: z.enum(['error', 'warning']),
  file: z.string(),
  line: count,
  column: count,
  path: z.string(),
  message: z.string(),
  hint: z.string().optional(),
});
export type DiagnosticView = z.output<typeof diagnostic>;

export const reloadReport = z.object({
  generation: count,
  same: z.boolean().describe('True when the file says what was in force before.'),
  listeners: nounDiff,
  routes: nounDiff,
  pools: nounDiff,
  certificates: nounDiff,
  servers: z.record(z.string(), nounDiff).describe('By pool.'),
  settings: z.array(z.string()),
  needs_restart: z.array(z.string()).describe('Settings that only a restart puts in force.'),
  warnings: z.array(diagnostic),
});
export type ReloadView = z.output<typeof reloadReport>;

/** Said as it is, not as a JSON string. */
export const metricsText = {
  description: 'Exposition format 0.0.4 or OpenMetrics.',
  content: { 'text/plain': { schema: z.string() } },
} as const;

export const life = z.object({ status: z.enum(['ok', 'starting', 'ready', 'draining']) });

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable.'),
    detail: z.string(),
    hint: z.string().optional().describe('What to do.'),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    diagnostics: z.array(diagnostic).optional(),
  })
  .describe('RFC 9457.');

/** Added to every route's answers. */
export const problemResponses = {
  '4xx': { description: 'Refused.', content: { 'application/problem+json': { schema: problem } } },
  '5xx': { description: 'Not possible now.', content: { 'application/problem+json': { schema: problem } } },
} as const;

/** For the descriptions of the routes. */
export const roleText: Readonly<Record<Role, string>> = {
  viewer: 'Needs a token of any role.',
  operator: 'Needs the role operator or admin.',
  admin: 'Needs the role admin.',
};
