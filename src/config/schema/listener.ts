import * as z from 'zod';
import { isUnix } from '../../kernel/address.ts';
import { ENGINES, PROXY_PROTOCOL_MODES, TLS_VERSIONS } from '../resolved.ts';
import { quote } from '../units.ts';
import { listenAddressProblem } from './address.ts';
import {
  blocks,
  byteRate,
  duration,
  integer,
  isMapping,
  name,
  noun,
  oneOf,
  oneOrMany,
  size,
  text,
} from './basics.ts';
import { listenerConcurrency, listenerRateLimit } from './rate-limit.ts';

const limits = noun({
  max_connections: integer(1, 10_000_000)
    .prefault(20_000)
    .describe('Open connections; further ones are closed at once.'),
  max_header_size: size({ min: '1KiB', max: '1MiB' })
    .prefault('16KiB')
    .describe('Request line and fields together (431).'),
  max_body_size: size()
    .optional()
    .describe('Largest request body (413). Without it there is no limit: bodies are streamed.'),
  max_fields: integer(1, 10_000).prefault(100).describe('Number of header fields (431).'),
  max_target: size({ min: '64B', max: '1MiB' }).prefault('8KiB').describe('Length of path and query (414).'),
  header_timeout: duration({ min: '1ms' })
    .prefault('10s')
    .describe(
      'From the first byte to the end of the head, and for a TLS handshake; dripping does not extend it (408).',
    ),
  body_timeout: duration({ min: '1ms' })
    .prefault('60s')
    .describe(
      'Longest pause within a request body (408), and for which a client may take nothing of its answer.',
    ),
  idle_timeout: duration({ min: '1ms' })
    .prefault('75s')
    .describe('Longest time between two requests of a connection.'),
  min_rate: byteRate()
    .prefault('256B/s')
    .describe(
      'Request bodies slower than this in their first 10 s, or in any `body_timeout` after that, are cut (408); so are clients that take their answer slower in a `body_timeout`. `0B/s` = no such limit.',
    ),
  tunnel_idle_timeout: duration({ min: '1ms' })
    .prefault('1h')
    .describe('Longest silence on an upgraded connection (WebSocket).'),
});

const tls = noun({
  certificates: oneOrMany(name()).describe(
    'Names out of `certificates`. The client’s server name chooses; the first one answers unknown names.',
  ),
  min_version: oneOf(TLS_VERSIONS).prefault('1.2').describe('The oldest TLS version that is spoken.'),
  strict_sni: z.boolean().prefault(false).describe('Refuse clients that ask for a name no certificate has.'),
});

const socket = noun({
  mode: text((value) =>
    /^0?[0-7]{3}$/.test(value) ? undefined : `${quote(value)} are not permissions. Write them like "0660".`,
  )
    .prefault('0660')
    .describe('Permissions of the file; who may write to it may connect.'),
  group: text((value) =>
    /^(?:\d{1,10}|[A-Za-z_][A-Za-z0-9_.-]{0,31})$/.test(value)
      ? undefined
      : `${quote(value)} is not the name of a group.`,
  )
    .optional()
    .describe('Group that owns the file, by name or number; without it, the one that the daemon runs as.'),
});

const plainListener = noun({
  address: text(listenAddressProblem)
    .optional()
    .describe(
      'IP address to bind, link-local ones with their interface (`fe80::1%eth0`); without it all of them, IPv4 and IPv6. Or a Unix socket, `unix:/run/sluice/web.sock`, which has no port.',
    ),
  port: integer(0, 65_535)
    .optional()
    .describe('Port to bind. 0 = any free port. Needed for all but Unix sockets.'),
  socket: socket.optional().describe('The file of a Unix socket.'),
  redirect: z
    .literal('https', { error: 'The only redirect of a listener is https.' })
    .optional()
    .describe('Send every request to the first listener with TLS instead of routing it.'),
  tls: tls.optional().describe('Makes it an https listener.'),
  engine: oneOf(ENGINES)
    .prefault('raw')
    .describe(
      'What speaks HTTP/1.1 with the clients: `raw` = Sluice’s own codec, `node` = Node’s HTTP server, slower, to tell whether the codec is at fault. A reload changes it for new connections.',
    ),
  http2: z
    .boolean()
    .prefault(true)
    .describe('Offer HTTP/2 to clients of a listener with `tls` (ALPN `h2`, then `http/1.1`).'),
  h2c: z
    .boolean()
    .prefault(false)
    .describe(
      'Without `tls`: take HTTP/2 from clients that begin with it (prior knowledge) beside HTTP/1.1. For proxies in front, not for the open net.',
    ),
  trusted_proxies: blocks('unix').describe(
    'Addresses of proxies in front (`unix` = whoever connects over a Unix socket), whose `X-Forwarded-*` and `Forwarded` fields, and PROXY headers, are believed.',
  ),
  proxy_protocol: oneOf(PROXY_PROTOCOL_MODES)
    .prefault('none')
    .describe(
      'PROXY protocol (v1, v2) from `trusted_proxies`, before TLS and HTTP: `required` closes connections without a header, `optional` also takes those that begin with something else. The client’s address is the one that the header names. A header from anybody else closes the connection.',
    ),
  limits: limits.prefault({}).describe('What a client may use.'),
  ip_allow: blocks().describe('Not empty: only these addresses may connect; others are closed unanswered.'),
  ip_deny: blocks().describe('These may not, even when `ip_allow` has them; they are closed unanswered.'),
  rate_limit: listenerRateLimit
    .optional()
    .describe('How often each client may ask this listener (429). With a list all of them have to allow it.'),
  concurrency: listenerConcurrency
    .optional()
    .describe(
      'How many requests of each client may be in flight here at one time (429). `10` is short for `{ max: 10 }`.',
    ),
});

const isSocket = (address: unknown): boolean => typeof address === 'string' && isUnix(address);

export const listener = plainListener
  .refine(({ address, port }) => port !== undefined || isSocket(address), {
    message: '"port" is missing.',
    when: isMapping,
  })
  .refine(({ address, port }) => port === undefined || !isSocket(address), {
    path: ['port'],
    message: 'A Unix socket has no port. Remove the key.',
    when: isMapping,
  })
  .refine(({ address, socket }) => socket === undefined || isSocket(address), {
    path: ['socket'],
    message: 'Only a Unix socket is a file. Write address: unix:/path/of.sock, or remove the key.',
    when: isMapping,
  });
