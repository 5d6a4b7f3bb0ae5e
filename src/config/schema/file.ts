/** The whole file. Its keys in the order in which they are best read. */
import * as z from 'zod';
import { admin } from './admin.ts';
import { tenant } from './auth.ts';
import { name, named, noun, text } from './basics.ts';
import { certificate } from './certificate.ts';
import { health } from './health.ts';
import { parseListen } from './listen.ts';
import { listener } from './listener.ts';
import { errorPages } from './pages.ts';
import { algorithm, pool } from './pool.ts';
import { logs, maxMemory, shutdown, store, threads } from './process.ts';
import { routeRateLimit } from './rate-limit.ts';
import { route } from './route.ts';
import { server } from './server.ts';
import { sharedLimits } from './shared-limits.ts';
import { sticky } from './sticky.ts';

export const fileSchema = noun({
  version: z
    .literal(1, { error: 'The only version of this format is 1.' })
    .prefault(1)
    .describe('Version of this format.'),
  threads: threads.prefault('auto'),
  zone: name()
    .optional()
    .describe(
      'Where this Sluice is: servers with the same `zone` are asked first, and those of others as far as these do not suffice.',
    ),
  max_memory: maxMemory.optional(),
  shutdown: shutdown.prefault({}).describe('How the daemon ends.'),
  admin: admin.prefault({}).describe('The API for operators.'),
  store: store.prefault({}).describe('Where Sluice keeps its own files.'),
  logs: logs.prefault({}).describe('What is written where.'),
  certificates: named(certificate).prefault({}).describe('Certificates by name, for the listeners.'),
  listeners: named(listener).optional().describe('Where clients connect, by name.'),
  error_pages: errorPages
    .optional()
    .describe(
      'Pages for errors, by status (`404`, `4xx`, `5xx`), on all routes and without one. `404: pages/404.html` is short for `404: { file: pages/404.html }`.',
    ),
  routes: z
    .array(route)
    .optional()
    .describe('Which request goes where. The first that matches wins, in the order of the file.'),
  pools: named(pool).optional().describe('Groups of servers that do the same, by name.'),
  shared_limits: sharedLimits
    .optional()
    .describe('Where limits with `shared: true` are counted, for several daemons.'),
  tenants: named(tenant)
    .prefault({})
    .describe('Customers, by name: the keys for routes with `auth: api_key`, and what each may use.'),
  listen: text((value) => {
    const parsed = parseListen(value);
    return 'error' in parsed ? parsed.error : undefined;
  })
    .optional()
    .describe('One-pool form: where clients connect. `:8080`, `http://host:port`, `https://host`.'),
  servers: z.array(server).min(1).optional().describe('One-pool form: the servers.'),
  tls: certificate.optional().describe('One-pool form: the certificate of an https `listen`.'),
  algorithm: algorithm.optional().describe('One-pool form: how a server is chosen.'),
  sticky: sticky.optional().describe('One-pool form: keep a client on its server.'),
  health: health.optional().describe('One-pool form: how servers are watched.'),
  rate_limit: routeRateLimit.optional().describe('One-pool form: how often each client may ask.'),
});

/** What a person writes. */
export type FileInput = z.input<typeof fileSchema>;
/** The long form: defaults filled in, quantities as numbers; still with the file's own keys. */
export type LongForm = z.output<typeof fileSchema>;
