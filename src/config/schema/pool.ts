import * as z from 'zod';
import { ALGORITHMS } from '../resolved.ts';
import { SERVER_PROTOCOLS } from '../resolved-upstream.ts';
import { quote } from '../units.ts';
import {
  duration,
  filePath,
  integer,
  isDnsName,
  noun,
  oneOf,
  percent,
  text,
  withShortForm,
} from './basics.ts';
import { adaptive, circuitBreaker } from './circuit-breaker.ts';
import { health } from './health.ts';
import { requestKey } from './request-key.ts';
import { hedge, poolRetry } from './retry.ts';
import { server } from './server.ts';
import { fieldNamed, sticky } from './sticky.ts';

export const algorithm = oneOf(ALGORITHMS).describe(
  '`power_of_two`: the less busy of two drawn at random. `least_connections`: the least busy. `round_robin` and `weighted`: in turn, by weight. ' +
    '`peak_ewma`: of two drawn at random the one that answers sooner, as far as its last answers and its load tell. `least_time`: the soonest of all. ' +
    '`ip_hash`: a client address keeps its server. `consistent_hash`: so does what `hash` names. `random`: by chance, by weight. ' +
    '`first`: the first of the file that has room below its `max_connections`.',
);

const hash = withShortForm(
  noun({
    key: requestKey()
      .prefault('client_ip')
      .describe(
        'What keeps its server: `client_ip`, `path`, `header:NAME`, `cookie:NAME`, `query:NAME`. Requests without it go by the client’s address.',
      ),
    table: oneOf(['ring', 'maglev'])
      .prefault('ring')
      .describe(
        '`ring`: when servers change, only keys of these move. `maglev`: more even and faster, and a few more keys move.',
      ),
    max_load: z
      .union([percent({ min: '101%', max: '1000%' }), z.literal(false)])
      .prefault('125%')
      .describe(
        'How much of its share of the requests in flight a server takes before further ones go to the next: no key sinks its server. `false` = all.',
      ),
  }),
  requestKey(),
  (key) => ({ key }),
);

const tls = noun({
  ca: filePath().optional().describe('PEM file with the authorities to trust instead of the system’s.'),
  name: text((value) => (isDnsName(value) ? undefined : `${quote(value)} is not a host name.`))
    .optional()
    .describe('The name to ask for and to verify; without it, the host of the address.'),
  verify: z.boolean().prefault(true).describe('Check the certificate. `false` only for tests.'),
});

const upstream = noun({
  protocol: oneOf(SERVER_PROTOCOLS)
    .prefault('http1')
    .describe(
      'What the servers speak: `http1`, `h2` (HTTP/2 over TLS), `h2c` (HTTP/2 without TLS, with prior knowledge). gRPC needs one of the last two. Without WebSocket.',
    ),
  host: text((value) =>
    /^[A-Za-z0-9_.-]+(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/i.test(value)
      ? undefined
      : `${quote(value)} is not a host. Write preserve, server or a host name.`,
  )
    .prefault('preserve')
    .describe(
      'The Host field that servers get: `preserve` the client’s, `server` = the server’s address, or a name of your own.',
    ),
  tls: z
    .union([withShortForm(tls, z.literal(true), () => ({})), z.literal(false)])
    .optional()
    .describe('TLS to the servers: `true`, or how to verify them. Addresses with `https://` turn it on.'),
  proxy_protocol: oneOf(['none', 'v1', 'v2'])
    .prefault('none')
    .describe(
      'Begin each connection to a server with a PROXY header that names the client. Such a connection serves that client’s connection only; health checks send a header that names nobody.',
    ),
  connect_timeout: duration({ min: '1ms' }).prefault('2s').describe('To open a connection, TLS included.'),
  first_byte_timeout: duration({ min: '1ms' })
    .prefault('30s')
    .describe('From the end of the request to the first byte of the answer (504).'),
  keepalive: integer(0, 10_000)
    .prefault(64)
    .describe('Idle connections kept per server and data thread; further ones for two seconds. 0 = none.'),
});

const priorityField = text((value) =>
  fieldNamed(value) === undefined
    ? `${quote(value)} does not name a field. Write it as header:NAME, without a blank.`
    : undefined,
).meta({ pattern: '^(header:[^:\\s]+|.*\\$\\{.*)$', examples: ['header:x-priority'] });

const queue = withShortForm(
  noun({
    max: integer(0, 1_000_000)
      .prefault(1000)
      .describe('Requests that may wait when every server is at `max_connections`. 0 = none waits.'),
    timeout: duration({ min: '1ms' })
      .prefault('5s')
      .describe('How long one waits before it is answered 503.'),
    priority: priorityField
      .optional()
      .describe(
        'The field in which a request says `high`, `normal` or `low` itself, as `header:NAME`; without it, and for other words, its route does. Whoever can send it can go first: let it in from those you trust only.',
      ),
  }),
  integer(0, 1_000_000),
  (max) => ({ max }),
);

const outliers = noun({
  consecutive_errors: integer(0, 10_000)
    .prefault(5)
    .describe(
      'Gateway errors in a row that take a server out: a reset, no answer in time, nonsense, or 502, 503, 504. 0 = not looked at.',
    ),
  failure_rate: percent()
    .prefault('50%')
    .describe(
      'Part of its requests in an `interval` that fail so, while the others of the pool fail half as often at most. `0%` = not looked at.',
    ),
  interval: duration({ min: '1s', max: '1h' }).prefault('10s').describe('Over which rates are taken.'),
  min_requests: integer(1, 1_000_000).prefault(20).describe('With fewer in an interval a rate says nothing.'),
  ejection_time: duration({ min: '100ms', max: '5m' })
    .prefault('30s')
    .describe(
      'How long it stays out, times how often it has been out lately, at most 5m. Then one request tries it.',
    ),
  max_ejected: percent()
    .prefault('50%')
    .describe('Part of the pool that may be out at a time; the last server that works never is.'),
});

const agent = noun({
  port: integer(1, 65_535).describe('Where the agent of each server listens, on the server’s address.'),
  interval: duration({ min: '100ms', max: '1d' }).prefault('2s').describe('Time between two questions.'),
  timeout: duration({ min: '1ms', max: '1d' })
    .prefault('1s')
    .describe('For its line to come. An agent that is silent changes nothing.'),
});

export const pool = noun({
  algorithm: algorithm.optional().describe('How a server is chosen. `peak_ewma` without it.'),
  hash: hash
    .optional()
    .describe('Of `consistent_hash`: what keeps its server. `hash: path` is short for `{ key: path }`.'),
  servers: z.array(server).describe('The servers, as addresses or with their settings.'),
  sticky: sticky
    .prefault(false)
    .describe(
      'Keep a client on its server: `cookie`, `{ cookie: NAME, ttl: 1h }`, `ip` (the algorithm `ip_hash`), or `header:NAME` (`consistent_hash`).',
    ),
  health: health
    .prefault('tcp')
    .describe(
      'How servers are watched: `/healthz`, `tcp`, `icmp`, `grpc`, the long form, or `false` for not at all.',
    ),
  agent: withShortForm(agent, integer(1, 65_535), (port) => ({ port }))
    .optional()
    .describe(
      'Ask each server how it is, in the words of HAProxy’s agent-check. `agent: 9777` is short for `{ port: 9777 }`.',
    ),
  queue: queue
    .prefault({})
    .describe('Where requests wait while all servers are full. `queue: 100` is short for `{ max: 100 }`.'),
  subset: integer(1, 10_000)
    .optional()
    .describe(
      'How many of the servers each data thread keeps to, so that large pools need few connections; healthy ones take the place of others. Without it, all. Where a key has its server (`consistent_hash`, `ip_hash`) it is asked whichever it is.',
    ),
  slow_start: duration({ max: '1h' })
    .prefault('0s')
    .describe(
      'How long the share and the `max_connections` of a server grow after it was added or recovered, from a tenth on. `0s` = it gets all at once. At the start of Sluice nobody warms up.',
    ),
  panic: z
    .union([percent(), z.literal('none'), z.literal(false)])
    .prefault('none')
    .describe(
      'When fewer than this part of the servers are healthy, and no backup is, all are tried: checks that fail everywhere say more of the checks than of the servers.',
    ),
  outlier_detection: z
    .union([withShortForm(outliers, z.literal(true), () => ({})), z.literal(false)])
    .prefault({})
    .describe('When a server is taken out for what requests show of it. `false` = never.'),
  circuit_breaker: circuitBreaker
    .prefault(false)
    .describe(
      'When the pool as a whole is not asked, and how much it takes. `true` = with the defaults; `false` = always asked.',
    ),
  adaptive_concurrency: z
    .union([withShortForm(adaptive, z.literal(true), () => ({})), z.literal(false)])
    .prefault(false)
    .describe(
      'Find out how many requests the servers of the pool can do at a time by how long they take; further ones wait in `queue`. `true` = with the defaults.',
    ),
  retry: poolRetry
    .prefault({})
    .describe('Trying another server after a failure. `retry: 3` is short for `{ attempts: 3 }`.'),
  hedge: hedge
    .prefault(false)
    .describe(
      'A second attempt on another server when the first is slow; the first answer wins. `hedge: p95` is short for `{ delay: p95 }`; `false` = never.',
    ),
  upstream: upstream.prefault({}).describe('How connections to the servers are made.'),
});
