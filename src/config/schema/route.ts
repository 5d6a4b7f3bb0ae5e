import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import * as z from 'zod';
import { compileLinearPattern } from '../../kernel/linear-pattern.ts';
import { PRIORITIES } from '../../kernel/priority.ts';
import { REDIRECT_STATUSES } from '../resolved.ts';
import { quote } from '../units.ts';
import { auth } from './auth.ts';
import {
  blocks,
  duration,
  filePath,
  integer,
  isDnsName,
  name,
  noun,
  oneOf,
  oneOrMany,
  size,
  text,
  withShortForm,
} from './basics.ts';
import { buffering } from './buffering.ts';
import { compress } from './compress.ts';
import { cors } from './cors.ts';
import { faults } from './faults.ts';
import { fieldRules } from './field-rules.ts';
import { mirror } from './mirror.ts';
import { errorPages, maintenance, mediaType } from './pages.ts';
import { bandwidth, routeConcurrency, routeRateLimit } from './rate-limit.ts';
import { requestKey } from './request-key.ts';
import { routeRetry } from './retry.ts';
import { split } from './split.ts';

/** A complaint about `match.host`, or undefined. */
export function hostPatternProblem(value: string): string | undefined {
  if (value === '*' || isIP(value) > 0) return undefined;
  const bare = value.startsWith('*.') ? value.slice(2) : value;
  // domainToASCII reads its argument as a URL does: what follows a "/" would be cut off in silence
  const isName = !/[\s/@?#\\:%[\]]/.test(bare) && isDnsName(domainToASCII(bare.replace(/\.$/, '')));
  if (isName) return undefined;
  const withoutPort = value.replace(/:\d+$/, '');
  if (withoutPort !== value && isDnsName(withoutPort))
    return `${quote(value)} has a port. Routes match the name only: write ${withoutPort}.`;
  if (/^https?:\/\//.test(value)) return `${quote(value)} is a URL. Write the host name only.`;
  return `${quote(value)} is not a host. Write shop.example.com or "*.example.com".`;
}

/** A complaint about `match.path`, or undefined. */
export function pathPatternProblem(value: string): string | undefined {
  if (value === '*') return undefined;
  if (!value.startsWith('/')) return `${quote(value)} is not a path. Write ${quote(`/${value}`)}.`;
  const plain = value.endsWith('/*') ? value.slice(0, -2) : value;
  if (plain.includes('*')) {
    return `${quote(value)}: "*" stands only at the end, after a slash. "/x/*" is /x and all below it.`;
  }
  if (/[?#\s\\\u0000-\u001f\u007f]/.test(value))
    return `${quote(value)}: query, "#", "\\" and white space cannot be matched. Write the path alone.`;
  if (plain.includes('//') || plain.split('/').some((part) => part === '.' || part === '..'))
    return `${quote(value)}: requests are matched without "//", "." and "..". Write it without them.`;
  if (/%(?![0-9a-f]{2})/i.test(value)) return `${quote(value)} has a "%" without two hex digits. Write %25.`;
  if (/%(2f|5c|00)/i.test(value))
    return `${quote(value)}: requests with %2F, %5C or %00 are refused, so this can never match.`;
  return undefined;
}

function patternProblem(value: string): string | undefined {
  if (!value.startsWith('^/') && !value.startsWith('^('))
    return `${quote(value)} does not say where it begins. Write ${quote(`^/${value.replace(/^[\^/]+/, '')}`)}.`;
  try {
    compileLinearPattern(value);
    return undefined;
  } catch (error) {
    return `${quote(value)} ${error instanceof Error ? error.message : String(error)}.`;
  }
}

/** A complaint about the target of a redirect, or undefined. */
export function targetProblem(value: string): string | undefined {
  if (value === 'https') return undefined;
  if (/[^\x21-\x7e]/.test(value))
    return `${quote(value)} has a space or a character beyond ASCII. Escape it: a space is %20.`;
  if (value.replace(/\/\*(?=$|[?#])/, '').includes('*'))
    return `${quote(value)}: "*" stands only at the end of the path, after a slash, for what the route's path has below it: /new/*.`;
  if (/^\/(?![/\\])/.test(value) || (/^https?:\/\/[^/*?#]/.test(value) && URL.canParse(value)))
    return undefined;
  return `${quote(value)} is not a target. Write a path like /new, a URL like https://example.com/new, or https.`;
}

const redirectStatus = z.union(
  REDIRECT_STATUSES.map((status) => z.literal(status)) as unknown as readonly [
    z.ZodLiteral<301 | 302 | 303 | 307 | 308>,
  ],
  { error: (issue) => `${quote(issue.input)} is not one of ${REDIRECT_STATUSES.join(', ')}.` },
);

const redirect = withShortForm(
  noun({
    to: text(targetProblem).describe(
      'The new place: a path or a URL, at whose end `*` stands for the rest of the path below `match.path` (`/new/*`); or `https` for the same one over TLS.',
    ),
    status: redirectStatus
      .prefault(308)
      .describe('308 and 307 keep method and body; 301, 302 and 303 may turn them into a GET.'),
    keep_query: z
      .boolean()
      .prefault(true)
      .describe('The query of the request goes along, unless `to` has one of its own.'),
  }),
  z.string(),
  (to) => ({ to }),
);

const respond = withShortForm(
  noun({
    status: integer(200, 599).prefault(200).describe('Status of the answer.'),
    body: z.string().optional().describe('Its body.'),
    file: filePath()
      .optional()
      .describe('A file with its body, text or not, at most 1MiB; read when the configuration is.'),
    content_type: mediaType()
      .optional()
      .describe(
        'Its Content-Type, when there is a body; without it, by the name of the file, else text/plain, or application/octet-stream for what is no text.',
      ),
  }).superRefine(({ file, body }, context) => {
    if (file !== undefined && body !== undefined)
      context.addIssue({ code: 'custom', message: 'Give body or file, not both.', path: ['file'] });
  }),
  integer(200, 599),
  (status) => ({ status }),
);

function methodProblem(value: string): string | undefined {
  if (/^[A-Z]{1,32}$/.test(value)) return undefined;
  return /^[A-Za-z]{1,32}$/.test(value)
    ? `${quote(value)}: methods stand in capitals. Write ${value.toUpperCase()}.`
    : `${quote(value)} is not a method.`;
}

function fieldNameProblem(value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(value))
    return `${quote(value)} is not the name of a field.`;
  return value.toLowerCase() === 'host'
    ? 'The host is matched by the key "host", beside "header".'
    : undefined;
}

function valueProblem(value: string): string | undefined {
  if (value.slice(0, -1).includes('*')) return `${quote(value)}: "*" stands only at the end.`;
  return /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)
    ? `${quote(value)} has a control character.`
    : undefined;
}

function fieldValueProblem(value: string): string | undefined {
  if (/[^\t\x20-\x7e]/.test(value)) return `${quote(value)}: fields are compared as ASCII.`;
  return valueProblem(value);
}

const match = noun({
  host: oneOrMany(text(hostPatternProblem))
    .optional()
    .describe(
      'Host names: `shop.example.com` exactly, `*.example.com` for every name below it. Without it, any.',
    ),
  path: oneOrMany(text(pathPatternProblem))
    .optional()
    .describe('Paths: `/x` exactly, `/x/*` for /x and all below it. Without it, any.'),
  path_pattern: oneOrMany(text(patternProblem))
    .optional()
    .describe(
      'Patterns that the path has to fit, besides `path`: RE2 syntax, from the start (`^/users/[0-9]+$`). Without `$` more may follow.',
    ),
  client: blocks().describe(
    'Addresses and CIDR blocks that the client has to be in; others go on to the next route.',
  ),
  method: oneOrMany(text(methodProblem))
    .optional()
    .describe('Methods, in capitals; HEAD is not GET. Without it, any.'),
  header: z
    .record(text(fieldNameProblem), text(fieldValueProblem))
    .optional()
    .describe(
      'Fields that all have to be there, each with a text: exactly it, `abc*` for what begins so, `"*"` for any.',
    ),
  query: z
    .record(z.string().min(1), text(valueProblem))
    .optional()
    .describe('Parameters of the query, decoded, in the same way.'),
});

/** Characters that have one spelling in a path's normal form: so that a prefix is found whatever way it was written. */
const PREFIX = /^(?:\/[A-Za-z0-9._~-]+)+$/;

function prefixProblem(value: string): string | undefined {
  if (/[/*]$/.test(value)) return `${quote(value)}: write the prefix without "/" or "*" at its end.`;
  if (!PREFIX.test(value) || value.split('/').some((part) => part === '.' || part === '..'))
    return `${quote(value)} is not a prefix: segments of letters, digits, ".", "_", "~" and "-", each after a slash.`;
  return undefined;
}

const rewrite = noun({
  strip_prefix: text(prefixProblem)
    .optional()
    .describe('Taken off the start of the path, whole segments only: `/api` makes `/x` of `/api/x`.'),
  add_prefix: text(prefixProblem).optional().describe('Put before the path, after `strip_prefix`.'),
});

const ACTIONS = ['pool', 'split', 'redirect', 'respond'] as const;

export const route = noun({
  name: name().optional().describe('For logs and metrics; without it, the name of the pool or `route-N`.'),
  listeners: oneOrMany(name()).optional().describe('The listeners that have this route; without it, all.'),
  match: match.prefault({}).describe('Which requests; without it, all.'),
  pool: name().optional().describe('Action: pass the request on to a server of this pool.'),
  split: split
    .optional()
    .describe(
      'Action: share the clients out over pools, by weight: `{ books: 95, books-v2: 5 }`. A client stays on its side; 0 = nobody.',
    ),
  split_by: requestKey()
    .optional()
    .describe(
      'What stays on its side of a `split`: `client_ip` (the default), `header:NAME`, `cookie:NAME`, `query:NAME`, `path`.',
    ),
  redirect: redirect
    .optional()
    .describe('Action: send the client elsewhere. `redirect: /new` is short for `{ to: /new }`.'),
  respond: respond
    .optional()
    .describe('Action: answer at once. `respond: 403` is short for `{ status: 403 }`.'),
  rewrite: rewrite
    .optional()
    .describe(
      'Another path for the servers. `Location` and the `Path` of cookies are changed back. `rewrite: { strip_prefix: /api }`.',
    ),
  headers: noun({
    request: fieldRules.optional().describe('Of requests, on their way to servers.'),
    response: fieldRules.optional().describe('Of answers of servers, and of `respond` and `redirect`.'),
  })
    .optional()
    .describe('Fields that are left out, set or added.'),
  maintenance: maintenance
    .optional()
    .describe(
      'Closed for a while: 503 with Retry-After, but for the addresses of `allow`. `true` is short for `{}`.',
    ),
  error_pages: errorPages
    .optional()
    .describe('Pages for errors of this route, by status; they come before those of the file.'),
  compress: compress
    .optional()
    .describe(
      'Answers of servers and of `respond` are compressed, where the client takes it. `true` is short for `{}`: the types that gain by it, from 1KiB on.',
    ),
  rate_limit: routeRateLimit
    .optional()
    .describe('How often each client may use this route (429). With a list all of them have to allow it.'),
  concurrency: routeConcurrency
    .optional()
    .describe(
      'How many requests of each client may be in flight here at one time (429). `10` is short for `{ max: 10 }`.',
    ),
  cors: cors
    .optional()
    .describe(
      'Which pages of other origins may use it. `cors: https://shop.example.com` is short for `{ origins: … }`; without it, servers say so themselves.',
    ),
  auth: auth
    .optional()
    .describe(
      'Who may use it (401). `auth: api_key` is short for `{ type: api_key }`; without it, everybody.',
    ),
  max_body_size: size()
    .optional()
    .describe('Largest request body (413); the smaller one of this and the listener’s counts.'),
  bandwidth: bandwidth
    .optional()
    .describe(
      'How fast each exchange may go; what is worth one second passes at once. `1MiB/s` is short for `{ download: 1MiB/s }`.',
    ),
  ip_allow: blocks().describe('Not empty: only these addresses may use it (403).'),
  ip_deny: blocks().describe('These may not, even when `ip_allow` has them (403).'),
  faults: faults
    .optional()
    .describe('Faults injected on purpose, to see what comes of them. `check` and the start warn of it.'),
  mirror: mirror
    .optional()
    .describe(
      'Copies of its requests for another pool, with bodies up to 64KiB; the answers are thrown away. `mirror: next` is short for `{ pool: next }`.',
    ),
  retry: routeRetry
    .optional()
    .describe('Of requests of this route, otherwise than the pool has it. `retry: 1` = never.'),
  priority: oneOf(PRIORITIES)
    .optional()
    .describe(
      'Who goes first where requests wait in the `queue` of a pool: `high`, `normal` (without it), `low`. In a full queue a higher one takes the place of a lower one.',
    ),
  buffering: buffering
    .optional()
    .describe(
      'Slow clients hold memory of Sluice, not a server. `true` is short for `{ request: true, response: true }`; without it, bodies pass as they come.',
    ),
  timeout: duration({ min: '1ms' })
    .optional()
    .describe(
      'For the whole exchange, retries included (504). Without it, only the timeouts of its parts hold.',
    ),
}).superRefine((value, context) => {
  const given = ACTIONS.filter((action) => value[action] !== undefined);
  if (given.length === 0)
    context.addIssue({
      code: 'custom',
      message: 'The route does nothing. Give it one of pool, split, redirect or respond.',
    });
  if (given.length > 1) {
    const message = `A route has one action, this one has ${given.join(' and ')}. Split it into ${given.length} routes.`;
    context.addIssue({ code: 'custom', message, path: [given[1] ?? ''] });
  }
  if (value.split_by !== undefined && value.split === undefined)
    context.addIssue({
      code: 'custom',
      message: 'There is no split here. Remove it, or add split: { books: 95, books-v2: 5 }.',
      path: ['split_by'],
    });
  if (value.pool !== undefined || value.split !== undefined) return;
  const idle =
    value.rewrite !== undefined
      ? ['rewrite']
      : value.compress && value.respond === undefined
        ? ['compress']
        : value.buffering !== undefined
          ? ['buffering']
          : value.headers?.request
            ? ['headers', 'request']
            : value.priority
              ? ['priority']
              : value.mirror !== undefined
                ? ['mirror']
                : [];
  if (idle.length > 0)
    context.addIssue({
      code: 'custom',
      message: 'Nothing is sent to a server here. Remove it, or give the route a pool.',
      path: idle,
    });
});
