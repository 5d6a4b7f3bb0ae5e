/** Servers that DNS knows: a name in the list of servers that stands for as many as it has addresses. */
import { isIP } from 'node:net';
import * as z from 'zod';
import { parseHostPort } from '../../kernel/address.ts';
import { quote } from '../units.ts';
import { duration, integer, isDnsName, oneOf, oneOrMany, text } from './basics.ts';

function nameProblem(value: string): string | undefined {
  if (isIP(value) > 0) return `${quote(value)} is an address, not a name. Write address: ${value}:8080.`;
  const port = /^(.+):(\d+)$/.exec(value);
  if (port)
    return `${quote(value)}: the port stands beside the name. Write dns: ${port[1]}, port: ${port[2]}.`;
  return isDnsName(value.replace(/\.$/, '')) ? undefined : `${quote(value)} is not a host name.`;
}

function resolverProblem(value: string): string | undefined {
  if (isIP(value) > 0) return undefined;
  const parsed = parseHostPort(value);
  if (parsed && isIP(parsed.host) > 0 && parsed.port > 0) return undefined;
  return `${quote(value)} is not the address of a resolver. Write an IP address, with a port where it is not 53: 127.0.0.1:8600.`;
}

export const discoveryKeys = {
  dns: text(nameProblem)
    .optional()
    .describe(
      'Instead of `address`: a name in DNS; each of its addresses (A, AAAA) is a server, as long as it has it. With `port`.',
    ),
  port: integer(1, 65_535).optional().describe('Of the servers behind `dns`.'),
  srv: text(nameProblem)
    .optional()
    .describe(
      'Instead of `address`: the name of SRV records, such as `_http._tcp.books.internal`. They say port and weight; all but those of the first priority are backups.',
    ),
  family: oneOf(['any', 'ipv4', 'ipv6'])
    .optional()
    .describe('Which addresses of `dns` and `srv` are asked for. `any` without it.'),
  resolver: oneOrMany(text(resolverProblem))
    .optional()
    .describe(
      'Who is asked, as `ip` or `ip:port`, or a list of them; without it, those of /etc/resolv.conf.',
    ),
  refresh: z
    .union([duration({ min: '100ms', max: '1d' }), z.literal('ttl')])
    .optional()
    .describe(
      'How often DNS is asked. `ttl`, or without it: when what it said has expired, after a second at the soonest and five minutes at the latest; `srv` after half a minute at the latest.',
    ),
  keep_empty: duration({ max: '30d' })
    .optional()
    .describe(
      'How long servers stay when the name has none any more; `1m` without it. When DNS fails to answer they always stay.',
    ),
};

interface Spec {
  readonly address?: string | undefined;
  readonly dns?: string | undefined;
  readonly port?: number | undefined;
  readonly srv?: string | undefined;
  readonly id?: string | undefined;
  readonly weight?: number;
  readonly family?: string | undefined;
  readonly resolver?: readonly string[] | undefined;
  readonly refresh?: unknown;
  readonly keep_empty?: number | undefined;
}

/** What contradicts itself in an entry of a list of servers. */
export function discoveryProblem(spec: Spec): { message: string; path: string[] } | undefined {
  const ways = (['address', 'dns', 'srv'] as const).filter((key) => spec[key] !== undefined);
  const at = (key: string, message: string) => ({ message, path: key === '' ? [] : [key] });
  if (ways.length === 0)
    return at(
      '',
      'A server has an address, or a name in DNS. Write address: host:port, or dns: NAME and port: 8080, or srv: _http._tcp.NAME.',
    );
  const [way, other] = ways;
  if (other !== undefined) return at(other, `a server has either ${way} or ${other}. Make two of it.`);
  if (way === 'dns' && spec.port === undefined)
    return at('dns', 'DNS does not say on which port the servers listen. Add port: 8080.');
  if (way !== 'dns' && spec.port !== undefined)
    return at(
      'port',
      way === 'srv' ? 'SRV records say the port. Remove port.' : 'the port stands in the address: host:port.',
    );
  if (way === 'address') {
    const stray = (['family', 'resolver', 'refresh', 'keep_empty'] as const).find(
      (key) => spec[key] !== undefined,
    );
    return stray && at(stray, `${stray} belongs to dns and srv. A server with an address is not looked for.`);
  }
  if (spec.id !== undefined)
    return at('id', `servers that ${way} stands for are called by their addresses. Remove id.`);
  if (way === 'srv' && spec.weight !== 1) return at('weight', 'SRV records say the weight. Remove weight.');
  return undefined;
}
