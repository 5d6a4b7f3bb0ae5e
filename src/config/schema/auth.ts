/** Who may use a route: `auth` of a route, and the tenants whose keys it may ask for. */
import * as z from 'zod';
import { passwordHashProblem, userNameProblem } from '../../kernel/user-list.ts';
import { quote } from '../units.ts';
import { filePath, isMapping, name, noun, text, withShortForm } from './basics.ts';
import { secret } from './secret.ts';

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const PARAMETER_NAME = /^[A-Za-z0-9_.~-]{1,128}$/;

export function fieldNameProblem(value: string): string | undefined {
  return FIELD_NAME.test(value) ? undefined : `${quote(value)} is not the name of a field.`;
}

function realmProblem(value: string): string | undefined {
  return value.length <= 200 && !/[\u0000-\u001f\u007f]/.test(value)
    ? undefined
    : `${quote(value)} is too long or has a control character.`;
}

const passCredentials = (byDefault: boolean) =>
  z
    .boolean()
    .prefault(byDefault)
    .describe('Whether servers get the credentials too. `X-Auth-User` and `X-Auth-Tenant` they get anyway.');

const basic = noun({
  type: z.literal('basic').describe('User and password (RFC 7617).'),
  realm: text(realmProblem).prefault('Sluice').describe('What browsers show when they ask for them.'),
  users: z
    .record(text(userNameProblem), secret(passwordHashProblem))
    .prefault({})
    .describe('Names, each with the hash of its password: `sluice hash password` makes one.'),
  users_file: filePath()
    .optional()
    .describe('More of them in a file, `name:hash` a line. It is read at the start and at each reload.'),
  pass_credentials: passCredentials(false),
}).refine((value) => Object.keys(value.users).length > 0 || value.users_file !== undefined, {
  message: 'Nobody could log in. Give it users or a users_file.',
});

const apiKey = noun({
  type: z.literal('api_key').describe('A key of a tenant.'),
  header: z
    .union([text(fieldNameProblem), z.literal(false)])
    .prefault('x-api-key')
    .describe('The field that holds it; with `authorization`, behind `Bearer`. `false` = none.'),
  query: text((value) =>
    PARAMETER_NAME.test(value) ? undefined : `${quote(value)} is not the name of a parameter.`,
  )
    .optional()
    .describe('The parameter of the query that may hold it. What stands there is in everybody’s logs.'),
  pass_credentials: passCredentials(false),
}).refine((value) => value.header !== false || value.query !== undefined, {
  message: 'The key could come from nowhere. Give it a header or a query.',
  when: isMapping,
});

/** `api_key`, or the long form. */
export const auth = withShortForm(
  z.union([basic, apiKey]),
  text((value) =>
    value === 'api_key'
      ? undefined
      : `${quote(value)} needs more than a word. Write api_key, or a mapping such as { type: basic, users: … }.`,
  ),
  () => ({ type: 'api_key' as const }),
);

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The first moment at which it is over: a day counts to its end in UTC. NaN = it is no time. */
export function parseExpiry(value: string): number {
  if (DAY.test(value)) return Date.parse(`${value}T00:00:00Z`) + 86_400_000;
  return /^\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})$/.test(value) ? Date.parse(value) : Number.NaN;
}

/** @returns the 64 digits, or undefined */
export function parseDigest(value: string): string | undefined {
  return /^sha256:([0-9a-f]{64})$/i.exec(value)?.[1]?.toLowerCase();
}

const key = noun({
  name: name().describe('Which key this is, for the log.'),
  hash: text((value) =>
    parseDigest(value) === undefined
      ? `${value.startsWith('sha256:') ? 'There are 64 hexadecimal digits behind sha256:' : 'It is no hash of a key'}. Make one with \`sluice hash key\`.`
      : undefined,
  )
    .optional()
    .describe('`sha256:…` of the key: `sluice hash key` makes one.'),
  file: filePath().optional().describe('A file that holds the key, or its `sha256:…`.'),
  env: text((value) =>
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? undefined : `${quote(value)} is not the name of a variable.`,
  )
    .optional()
    .describe('The environment variable that holds it.'),
  expires: text((value) =>
    Number.isNaN(parseExpiry(value))
      ? `${quote(value)} is not a day. Write 2027-06-30, or 2027-06-30T12:00:00Z.`
      : undefined,
  )
    .optional()
    .describe('The last day on which it is good (UTC), or the moment at which it ends.'),
}).refine((each) => [each.hash, each.file, each.env].filter((it) => it !== undefined).length === 1, {
  message: 'A key comes from one place: hash, file or env.',
  when: isMapping,
});

export const tenant = noun({
  api_keys: z.array(key).prefault([]).describe('Its keys; several, so that one can replace another.'),
  routes: z
    .array(name())
    .optional()
    .describe('Names of the routes that it may use; without it, all that ask for a key.'),
});
