import { isIP } from 'node:net';
import * as z from 'zod';
import { parseHostPort } from '../../kernel/address.ts';
import { ADMIN_ROLES } from '../resolved.ts';
import { quote } from '../units.ts';
import { bracketsProblem, ipProblem } from './address.ts';
import { isDnsName, name, noun, oneOf, oneOrMany, text } from './basics.ts';
import { secret } from './secret.ts';

const token = noun({
  name: name().describe('Who this is, for the log.'),
  role: oneOf(ADMIN_ROLES).describe('`viewer` reads, `operator` changes servers, `admin` may do everything.'),
  token: secret().describe('The bearer token, or where to find it.'),
});

export const admin = noun({
  listen: text(adminListenProblem)
    .prefault('127.0.0.1:9900')
    .describe('Address and port of API, `/metrics`, `/healthz` and `/readyz`. Port 0 = any free port.'),
  hosts: oneOrMany(text(adminHostProblem))
    .optional()
    .describe(
      'Further names under which the API may be called, such as `lb.internal`: without port. A request for any other name is refused (DNS rebinding).',
    ),
  tokens: z
    .array(token)
    .prefault([])
    .describe('Who may use the API. None = a token is made in `admin.token` in the folder of `store`.'),
});

function adminListenProblem(value: string): string | undefined {
  const parsed = parseHostPort(value);
  if (parsed) return isIP(parsed.host) > 0 ? ipProblem(parsed.host) : undefined;
  return bracketsProblem(value, `${quote(value)} is not an address. Write it like 127.0.0.1:9900.`);
}

function adminHostProblem(value: string): string | undefined {
  const bare = value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value;
  if (isIP(bare) > 0 || isDnsName(bare)) return undefined;
  const withoutPort = /^(.+):\d+$/.exec(bare)?.[1];
  const fix = withoutPort === undefined ? '' : ` It stands without its port: write ${withoutPort}.`;
  return `${quote(value)} is not a host name.${fix}`;
}
