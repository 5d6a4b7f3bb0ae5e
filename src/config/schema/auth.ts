/** Who may use a route: `auth` of a route, and the tenants whose keys it may ask for. */
import * as z from 'zod';
import { passwordHashProblem, userNameProblem } from '../../kernel/user-list.ts';
import { quote } from '../units.ts';
import {
  duration,
  filePath,
  isMapping,
  name,
  noun,
  oneOf,
  oneOrMany,
  text,
  withShortForm,
} from './basics.ts';
import { changeProblem } from './field-rules.ts';
import { tenantConcurrency, tenantRateLimit } from './rate-limit.ts';
import { secret } from './secret.ts';

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const PARAMETER_NAME = /^[A-Za-z0-9_.~-]{1,128}$/;

export function fieldNameProblem(value: string): string | undefined {
  return FIELD_NAME.test(value) ? undefined : `${quote(value)} is not the name of a field.`;
}

/** Fields that say who it is; nothing that frames a message, belongs to a connection or is ours to say. */
function identityFieldProblem(value: string): string | undefined {
  return fieldNameProblem(value) ?? changeProblem(value);
}

/** The same, of those that a rule of `auth` fills in beside user and tenant. @param instead what fills in those two */
const furtherFieldProblem =
  (instead: string) =>
  (value: string): string | undefined => {
    if (value === '*') return '"*" stands for no fields here. Name them.';
    const own = /^x[-_.]auth[-_.](user|tenant)$/i.exec(value)?.[1]?.toLowerCase();
    return own === undefined
      ? identityFieldProblem(value)
      : `Servers get ${quote(value)} anyway: ${own}_${instead} says what stands in it. Remove it here.`;
  };

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
    .union([text(identityFieldProblem), z.literal(false)])
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

const SIGNED = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
const SHARED = ['HS256', 'HS384', 'HS512'] as const;
const CLAIM = /^[\x21-\x7e]{1,200}$/;

function claimProblem(value: string): string | undefined {
  return CLAIM.test(value) ? undefined : `${quote(value)} is not the name of a claim.`;
}

const claimName = () => text(claimProblem);

function urlProblem(value: string): string | undefined {
  if (!/^https?:\/\/[^/]/.test(value) || !URL.canParse(value))
    return `${quote(value)} is not a URL. Write one like https://id.example.com/path.`;
  const { username, password, hash } = new URL(value);
  return username + password + hash === ''
    ? undefined
    : 'The URL has a user, a password or a "#". Write it without.';
}

/** A URL, or the path of a file. */
export function isUrl(value: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value);
}

const jwt = noun({
  type: z.literal('jwt').describe('A bearer token that is a signed JWT.'),
  issuer: z.string().min(1).describe('Who has to have made it: the claim `iss`, exactly.'),
  audience: oneOrMany(z.string().min(1))
    .optional()
    .describe('Whom it has to be meant for: one of these in the claim `aud`. Without it, whomever.'),
  jwks: text((value) => (isUrl(value) ? urlProblem(value) : undefined))
    .optional()
    .describe('Where the issuer’s public keys are (JWK Set): a URL, or a file.'),
  secret: secret((value) =>
    value.length < 32 ? 'A secret that signs tokens has 32 characters at least.' : undefined,
  )
    .optional()
    .describe('In the place of `jwks`: a secret that both sides know, for HS256 and its kin.'),
  algorithms: z
    .array(oneOf([...SIGNED, ...SHARED]))
    .min(1)
    .optional()
    .describe('How it may be signed. Without it RS256, ES256 and EdDSA; with `secret` HS256.'),
  leeway: duration({ max: '10m' }).prefault('30s').describe('How far the clocks of both sides may differ.'),
  require: z
    .record(claimName(), oneOrMany(z.string().min(1)))
    .prefault({})
    .describe(
      'Claims that it has to have (403), each with its value, or with several of which it has one; `"*"` = any. Of lists and of `scope` one entry counts; `a.b` is b within a.',
    ),
  user_claim: claimName().prefault('sub').describe('The claim that is the user.'),
  tenant_claim: claimName().optional().describe('The claim that is the tenant.'),
  fields: z
    .record(text(furtherFieldProblem('claim')), claimName())
    .prefault({})
    .describe(
      'Fields for servers, each with the claim that it gets. What the client sent in them is dropped.',
    ),
  pass_credentials: passCredentials(true),
}).superRefine((value, context) => {
  const complain = (message: string, path: string[] = []): void =>
    context.addIssue({ code: 'custom', message, path });
  if ((value.jwks === undefined) === (value.secret === undefined))
    complain('Tokens are checked with keys from one place: jwks or secret.');
  const isShared = (it: string): boolean => (SHARED as readonly string[]).includes(it);
  const odd = value.algorithms?.find((it) => isShared(it) !== (value.secret !== undefined));
  if (odd === undefined) return;
  const fix = isShared(odd)
    ? 'takes a secret, and a public key is none: whoever knows it could sign.'
    : 'takes a key pair: name its public keys by jwks.';
  complain(`${odd} ${fix}`, ['algorithms']);
});

const forward = noun({
  type: z.literal('forward').describe('Another service decides.'),
  url: text(urlProblem).describe(
    'What is asked, with GET, `X-Forwarded-Method`, `-Proto`, `-Host`, `-Uri` and `-For`. 2xx passes; 3xx and 4xx are the client’s answer.',
  ),
  request_fields: z
    .array(text(identityFieldProblem))
    .prefault(['authorization', 'cookie', 'accept'])
    .describe('Fields of the request that it gets.'),
  copy: z
    .array(text(furtherFieldProblem('field')))
    .prefault([])
    .describe('Fields of its answer that servers get. What the client sent in them is dropped.'),
  user_field: text(identityFieldProblem)
    .prefault('x-auth-user')
    .describe('The field of its answer that is the user.'),
  tenant_field: text(identityFieldProblem)
    .prefault('x-auth-tenant')
    .describe('The field of its answer that is the tenant.'),
  timeout: duration({ min: '1ms', max: '1m' })
    .prefault('2s')
    .describe('How long it has for its whole answer.'),
  fail: oneOf(['closed', 'open'])
    .prefault('closed')
    .describe('What to do without an answer, or with a 5xx: `closed` = 503, `open` = let pass.'),
});

const LONG_EXAMPLES: Readonly<Record<string, string>> = {
  basic: '{ type: basic, users: { ann: … } }',
  jwt: '{ type: jwt, issuer: https://id.example.com, jwks: https://id.example.com/keys }',
  forward: '{ type: forward, url: "http://127.0.0.1:9091/verify" }',
};

/** `api_key`, or the long form. */
export const auth = withShortForm(
  z.union([basic, apiKey, jwt, forward]),
  text((value) =>
    value === 'api_key'
      ? undefined
      : `${quote(value)} needs more than a word. Write ${LONG_EXAMPLES[value] ?? 'api_key, or a mapping such as { type: basic, users: … }'}.`,
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
  rate_limit: tenantRateLimit
    .optional()
    .describe(
      'How often it may ask (429), over all routes on which `auth` finds out that it is this tenant. With a list all of them have to allow it.',
    ),
  concurrency: tenantConcurrency
    .optional()
    .describe(
      'How many of its requests may be in flight at one time (429), over all those routes. `50` is short for `{ max: 50 }`.',
    ),
});
