import { isIP } from 'node:net';
import * as z from 'zod';
import { canonicalAddress, isUnix, parseHostPort } from '../../kernel/address.ts';
import { quote } from '../units.ts';
import { bracketsProblem, ipProblem, unixProblem } from './address.ts';
import { integer, isDnsName, isMapping, name, noun, text, withShortForm } from './basics.ts';
import { discoveryKeys, discoveryProblem } from './discovery.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** What the text says; `undefined` = no scheme. */
  readonly scheme: 'http' | 'https' | undefined;
}

/** `host:port`, `:port` (this machine), `http://host[:port]`, `https://host[:port]`, `unix:/path`; or a complaint. */
export function parseServerAddress(value: string): ServerAddress | { readonly error: string } {
  if (isUnix(value)) {
    const error = unixProblem(value);
    return error === undefined ? { host: value, port: 0, scheme: undefined } : { error };
  }
  const url = /^(https?):\/\/(.*)$/i.exec(value);
  const scheme = url?.[1]?.toLowerCase() as 'http' | 'https' | undefined;
  let rest = url?.[2] ?? value;
  if (scheme !== undefined) {
    rest = rest.endsWith('/') ? rest.slice(0, -1) : rest;
    // In a URL the zone's percent sign is written as %25 (RFC 6874).
    rest = rest.replace(/^(\[?[0-9a-f:]+)%25/i, '$1%');
    if (rest.includes('/') || rest.includes('?') || rest.includes('@'))
      return {
        error: `${quote(value)}: a server is a host and a port, without path or user. Write ${scheme}://host:port.`,
      };
    if (!/:\d+$/.test(rest) || isIP(rest) === 6)
      rest = `${isIP(rest) === 6 ? `[${rest}]` : rest}:${scheme === 'https' ? 443 : 80}`;
  }
  const parsed = parseHostPort(rest);
  if (!parsed) return { error: addressFix(value, rest) };
  const host = parsed.host === '' ? '127.0.0.1' : canonicalAddress(parsed.host);
  if (parsed.port === 0) return { error: `${quote(value)}: a server cannot have port 0.` };
  if (isIP(host) === 0 && !isDnsName(host))
    return { error: `${quote(value)} is not an address: ${quote(host)} is no host name.` };
  const problem = isIP(host) > 0 ? ipProblem(host) : undefined;
  return problem === undefined ? { host, port: parsed.port, scheme } : { error: problem };
}

function addressFix(value: string, rest: string): string {
  if (isDnsName(rest) || isIP(rest) === 4) return `${quote(value)} has no port. Write ${rest}:8080.`;
  const otherwise = `${quote(value)} is not an address. Write host:port, like 10.0.0.11:8080.`;
  if (value.startsWith('/'))
    return `${quote(value)} is not an address. For a Unix socket write unix:${value}.`;
  return bracketsProblem(rest, otherwise);
}

const long = noun({
  address: text((value) => {
    const parsed = parseServerAddress(value);
    return 'error' in parsed ? parsed.error : undefined;
  })
    .optional()
    .describe(
      '`host:port`; `http://…` and `https://…` work too, and https means TLS to the server. `:3001` is this machine, `unix:/run/app.sock` a Unix socket on it. A host name is looked up for each new connection; `dns` makes a server of each of its addresses.',
    ),
  ...discoveryKeys,
  zone: name()
    .optional()
    .describe('Where it stands. Servers of the `zone` that this Sluice is in are asked first.'),
  id: name().optional().describe('Name for API, logs and metrics; without it, the address.'),
  weight: integer(0, 1000)
    .prefault(1)
    .describe('Share of the requests compared with the others. 0 = no new ones.'),
  backup: z.boolean().prefault(false).describe('Used only when no other server can serve.'),
  max_connections: integer(1, 10_000_000)
    .optional()
    .describe('Requests in flight at most, over all data threads.'),
  maintenance: z.boolean().prefault(false).describe('Takes no requests at all and is not checked.'),
}).superRefine((spec, context) => {
  const problem = isMapping({ value: spec }) ? discoveryProblem(spec) : undefined;
  if (problem) context.addIssue({ code: 'custom', message: problem.message, path: problem.path });
});

/** `10.0.0.11:8080`, `{ address, weight, … }`, `{ dns, port, … }` or `{ srv, … }`. */
export const server = withShortForm(
  long,
  z.string({
    error: (issue) =>
      typeof issue.input === 'number'
        ? `${issue.input} is not an address. Write 127.0.0.1:${issue.input}.`
        : undefined,
  }),
  (address) => ({ address }),
);
