/** Why something other than `ok` may come, of clients (`small` …) and of the access log (`log small` …): a table, nothing else. */
import type { Explanation } from './ledger.ts';

const BROKEN = /^(?:ended|502 upstream_reset|502 connect_error)/;
const LOGGED_BROKEN = /^(?:upstream_reset|connect_error) /;

/** What cannot be saved when its server is killed: an answer that had begun, a body too large to keep, a tunnel. */
const BY_KILL: readonly (readonly [client: string, kind: RegExp, logged: RegExp, why: string])[] = [
  ...['download', 'download-tls'].map(
    (client) => [client, BROKEN, LOGGED_BROKEN, 'its server was killed within the answer'] as const,
  ),
  ['slow', /^status 200, /, LOGGED_BROKEN, 'its server was killed within the answer'],
  ['upload-large', BROKEN, LOGGED_BROKEN, 'its server was killed, the body was too large to be sent again'],
  [
    'websocket',
    /^(?:closed 1006|error|refused 502)/,
    /^(?:upstream_reset|connect_error|client_abort) /,
    'the server at the other end of the tunnel was killed',
  ],
];

export const EXPLANATIONS: readonly Explanation[] = [
  ...BY_KILL.flatMap(([client, kind, logged, why]) => [
    { client, kind, why, isByKill: true },
    { client: `log ${client}`, kind: logged, why, isByKill: true },
  ]),
  { client: 'log aborting', kind: /^client_abort /, why: 'the client went away, as it should' },
  {
    client: 'log aborting',
    kind: /^(?:bad_request|upstream_reset) /,
    why: 'broken off by the client in the middle',
  },
  {
    client: 'log h2-aborting',
    kind: /^(?:client_abort|bad_request|upstream_reset) /,
    why: 'the stream was broken off by the client',
  },
  {
    client: 'log dripping',
    kind: /^(?:header_timeout|body_timeout) 408$/,
    why: 'refused for dripping, as it should be',
  },
  { client: 'log nobody', kind: /^(?:connect_error 502|no_server 503)$/, why: 'nobody listens there' },
  {
    client: 'log nonsense',
    kind: /^(?:bad_request|head_too_large|target_too_long|not_implemented|method_refused|version) /,
    why: 'refused, as it should be',
  },
  {
    // The head was never read, so there is no path that says who it was.
    client: 'log (unread)',
    kind: /^(?:bad_request|head_too_large|target_too_long|header_timeout|method_refused|version|client_abort|not_implemented) /,
    why: 'a head that was refused, too slow or broken off',
  },
];

/** Which client an access line is about: the first segment of its path. */
export function clientOfTarget(target: string, known: ReadonlySet<string>): string {
  const name = /^\/([a-z0-9-]+)(?:\/|$)/.exec(target)?.[1] ?? '';
  return `log ${known.has(name) ? name : '(unread)'}`;
}
