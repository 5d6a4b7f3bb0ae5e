import * as z from 'zod';
import { ENGINES, PROXY_PROTOCOL_MODES, TLS_VERSIONS } from '../resolved.ts';
import {
  blocks,
  byteRate,
  duration,
  integer,
  ipAddress,
  name,
  noun,
  oneOf,
  oneOrMany,
  size,
} from './basics.ts';
import { rateLimit } from './rate-limit.ts';

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

export const listener = noun({
  address: ipAddress().optional().describe('IP address to bind; without it all of them, IPv4 and IPv6.'),
  port: integer(0, 65_535).describe('Port to bind. 0 = any free port.'),
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
  trusted_proxies: blocks().describe(
    'Addresses of proxies in front, whose `X-Forwarded-*` and `Forwarded` fields, and PROXY headers, are believed.',
  ),
  proxy_protocol: oneOf(PROXY_PROTOCOL_MODES)
    .prefault('none')
    .describe(
      'PROXY protocol (v1, v2) from `trusted_proxies`, before TLS and HTTP: `required` closes connections without a header, `optional` also takes those that begin with something else. The client’s address is the one that the header names. A header from anybody else closes the connection.',
    ),
  limits: limits.prefault({}).describe('What a client may use.'),
  ip_allow: blocks().describe('Not empty: only these addresses may connect; others are closed unanswered.'),
  ip_deny: blocks().describe('These may not, even when `ip_allow` has them; they are closed unanswered.'),
  rate_limit: rateLimit.optional().describe('How often each client may ask this listener (429).'),
});
