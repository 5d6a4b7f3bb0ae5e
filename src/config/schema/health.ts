import * as z from 'zod';
import { quote } from '../units.ts';
import { duration, integer, isDnsName, noun, oneOf, percent, text, withShortForm } from './basics.ts';

const timing = {
  interval: duration({ min: '100ms', max: '1d' })
    .prefault('5s')
    .describe('Time between two checks of a server, from parts of a second to a day.'),
  timeout: duration({ min: '1ms', max: '1d' })
    .optional()
    .describe(
      'When a check counts as failed; not longer than `interval`. Without it 2s, or `interval` if that is shorter.',
    ),
  rise: integer(1, 1000)
    .prefault(2)
    .describe(
      'Successes in a row that make a server healthy; the first check after the start needs only one.',
    ),
  fall: integer(1, 1000).prefault(3).describe('Failures in a row that make it unhealthy.'),
  jitter: percent()
    .prefault('10%')
    .describe('How far each interval is varied, so that checks do not come in step.'),
};

/** Inclusive ranges out of `200`, `200-299`, `200-204,301`. */
export function parseStatuses(value: string): (readonly [number, number])[] | undefined {
  const ranges: (readonly [number, number])[] = [];
  for (const part of value.split(',')) {
    const found = /^\s*([1-5]\d\d)\s*(?:-\s*([1-5]\d\d)\s*)?$/.exec(part);
    if (!found) return undefined;
    const from = Number(found[1]);
    const to = Number(found[2] ?? found[1]);
    if (to < from) return undefined;
    ranges.push([from, to]);
  }
  return ranges;
}

const statusText = text((value) =>
  parseStatuses(value)
    ? undefined
    : `${quote(value)} is not a status or a range. Write 200, 200-299 or 200-204,301.`,
);
const statusNumber = integer(100, 599);
const status = z.union([statusText, statusNumber, z.array(z.union([statusText, statusNumber])).min(1)]);

/** RFC 9110: a field value without control characters; a name is a token. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const MANAGED_FIELDS = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade']);

function fieldNameProblem(value: string): string | undefined {
  if (!FIELD_NAME.test(value)) return `${quote(value)} is not a field name.`;
  if (value.toLowerCase() === 'host') return 'The Host field is set by the key "host", beside "headers".';
  return MANAGED_FIELDS.has(value.toLowerCase()) ? `${quote(value)} is set by Sluice itself.` : undefined;
}

const http = noun({
  type: oneOf(['http', 'https'])
    .prefault('http')
    .describe('`http` asks for a page, `https` does so over TLS.'),
  path: text((value) =>
    /^\/[^\s#]*$/.test(value) ? undefined : `${quote(value)} is not a path. It starts with "/".`,
  )
    .prefault('/')
    .describe('What is asked for.'),
  port: integer(1, 65_535).optional().describe('Another port than the one that serves requests.'),
  method: oneOf(['GET', 'HEAD', 'OPTIONS', 'POST']).prefault('GET').describe('How it is asked for.'),
  host: text(hostProblem).optional().describe('The Host field; without it, the address of the server.'),
  headers: z
    .record(
      text(fieldNameProblem),
      text((value) => (FIELD_VALUE.test(value) ? undefined : 'The value has control characters.')),
    )
    .prefault({})
    .describe('Further fields to send.'),
  ...timing,
  expect: noun({
    status: status
      .prefault('200-299')
      .describe('Statuses that are a success: `200`, `200-299`, `[200, 301-302]`.'),
    body: z.string().min(1).optional().describe('Text that the first 64 KiB of the body have to contain.'),
  })
    .prefault({})
    .describe('What counts as a success.'),
});

const tcp = noun({
  type: z.literal('tcp').describe('A connection can be opened.'),
  port: integer(1, 65_535).optional().describe('Another port than the one that serves requests.'),
  ...timing,
});

const icmp = noun({ type: z.literal('icmp').describe('The host answers a ping.'), ...timing });

const grpc = noun({
  type: z
    .literal('grpc')
    .describe('A call of `grpc.health.v1.Health/Check` says `SERVING`, over the pool’s TLS if it has one.'),
  service: text((value) =>
    /^[\w.-]{0,256}$/.test(value) ? undefined : `${quote(value)} is not a service of gRPC.`,
  )
    .prefault('')
    .describe('The service that is asked for; without it, the server as a whole.'),
  port: integer(1, 65_535).optional().describe('Another port than the one that serves requests.'),
  ...timing,
});

function hostProblem(value: string): string | undefined {
  return isDnsName(value.replace(/:\d{1,5}$/, '')) || /^[\d.:[\]a-f]+$/i.test(value)
    ? undefined
    : `${quote(value)} is not a host name.`;
}

const long = z.union([http, tcp, icmp, grpc]).superRefine((check, context) => {
  if (check.timeout === undefined || check.timeout <= check.interval) return;
  context.addIssue({
    code: 'custom',
    message: 'The timeout is longer than the interval.',
    path: ['timeout'],
  });
});

const short = text((value) =>
  ['tcp', 'icmp', 'grpc'].includes(value) || /^\/[^\s#]*$/.test(value)
    ? undefined
    : `${quote(value)} is not a health check. Write a path like /healthz, or tcp, icmp, grpc or false.`,
);

/** A path, `tcp`, `icmp`, `grpc`, `false`, or the long form. */
export const health = z.union([
  withShortForm(long, short, (word) =>
    ['tcp', 'icmp', 'grpc'].includes(word) ? { type: word as 'tcp' } : { type: 'http' as const, path: word },
  ),
  z.literal(false),
]);
