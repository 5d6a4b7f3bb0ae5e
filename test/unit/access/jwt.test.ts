import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import t from 'tap';
import { Jwt, type JwtOptions, LocalKeySet, type Verdict } from '../../../src/access/index.ts';
import { claimTexts, missingClaim } from '../../../src/access/jwt.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const clock = new FakeClock();
const nowS = Math.floor(clock.wallMs() / 1000);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = JSON.stringify({
  keys: [
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256', use: 'sig' },
    { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256' },
  ],
});
const SECRET = 'a-secret-of-both-sides-of-32-chars';

const OPTIONS: JwtOptions = {
  kind: 'jwt',
  keys: { kind: 'jwks', text: jwks },
  issuer: 'https://id.example.com/',
  audience: ['shop'],
  algorithms: ['RS256', 'ES256'],
  leewayMs: 5000,
  require: [{ claim: 'scope', values: ['read', 'admin'] }],
  userClaim: 'sub',
  tenantClaim: 'org.name',
  fields: [
    { name: 'X-Email', claim: 'email' },
    { name: 'X-Roles', claim: 'roles' },
    { name: 'X-None', claim: 'none' },
  ],
};

const CLAIMS = {
  iss: 'https://id.example.com/',
  aud: 'shop',
  sub: 'änn',
  exp: nowS + 60,
  scope: 'write read',
  org: { name: 'acme' },
  email: 'ann@example.com\r\nX-Evil: 1',
  roles: ['a', 'b'],
};

async function sign(
  changes: Record<string, unknown> = {},
  header: { alg: string; kid?: string } = { alg: 'RS256', kid: 'rsa' },
  key: KeyObject | Uint8Array = rsa.privateKey,
): Promise<string> {
  return new SignJWT({ ...CLAIMS, ...changes }).setProtectedHeader(header).sign(key);
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function makeJwt(options: Partial<JwtOptions> = {}): Jwt {
  const all = { ...OPTIONS, ...options };
  const set = new LocalKeySet(all.keys.kind === 'secret' ? { secret: all.keys.secret } : { jwks });
  return new Jwt(all, set, clock, Buffer.alloc(32, 1));
}

async function ask(token: string, jwt = makeJwt()): Promise<Verdict> {
  return jwt.check({
    method: 'GET',
    target: '/',
    fields: `Authorization: Bearer ${token}\r\n`,
    scheme: 'https',
    authority: 'x',
    clientIp: '192.0.2.1',
    requestId: 'id',
  });
}

t.test('a good token', async (t) => {
  const known: Verdict = {
    kind: 'known',
    user: '\xc3\xa4nn',
    tenant: 'acme',
    lines: 'X-Email: ann@example.comX-Evil: 1\r\nX-Roles: a,b\r\n',
  };
  t.same(await ask(await sign()), known, 'and nothing of it ends a line');
  t.same(await ask(await sign({}, { alg: 'ES256', kid: 'ec' }, ec.privateKey)), known, 'by another key');
  t.same(await ask(await sign({ aud: ['a', 'shop'] })), known, 'one of several audiences');
  t.same(await ask(await sign({ exp: nowS - 4 })), known, 'a clock that differs a little');
  t.same(
    await ask(await sign({ aud: undefined }), makeJwt({ audience: [] })),
    known,
    'without an audience that is asked for',
  );
});

t.test('tokens that are refused', async (t) => {
  const good = await sign();
  const [head = '', body = '', signature = ''] = good.split('.');
  const publicPem = Buffer.from(rsa.publicKey.export({ type: 'spki', format: 'pem' }));
  const table: [name: string, token: string, why: RegExp][] = [
    ['expired', await sign({ exp: nowS - 6 }), /expired/],
    ['without an end', await sign({ exp: undefined }), /exp/],
    ['not yet', await sign({ nbf: nowS + 60 }), /nbf/],
    ['another issuer', await sign({ iss: 'https://id.example.com' }), /iss/],
    ['another audience', await sign({ aud: 'pub' }), /aud/],
    ['another key', await sign({}, { alg: 'RS256', kid: 'rsa' }, other.privateKey), /signature/],
    ['an unknown key', await sign({}, { alg: 'RS256', kid: 'x' }, other.privateKey), /key/],
    ['an algorithm that is not named', await sign({}, { alg: 'PS256', kid: 'rsa' }), /algorithm/],
    ['the public key as a secret', await sign({}, { alg: 'HS256', kid: 'rsa' }, publicPem), /algorithm/],
    ['none', `${part({ alg: 'none' })}.${body}.`, /no signed JWT/],
    ['none, with a signature', `${part({ alg: 'none' })}.${body}.${signature}`, /algorithm/],
    ['NONE', `${part({ alg: 'NonE', kid: 'rsa' })}.${body}.${signature}`, /algorithm/],
    ['changed', `${head}.${part({ ...CLAIMS, sub: 'root' })}.${signature}`, /signature/],
    ['a header of its own choice', `${part({ alg: 'RS256', jwk: {} })}.${body}.${signature}`, /./],
    [
      'an unknown critical header',
      `${part({ alg: 'RS256', kid: 'rsa', crit: ['x'], x: 1 })}.${body}.${signature}`,
      /./,
    ],
    ['two parts', `${head}.${body}`, /no signed JWT/],
    ['nonsense', 'a.b.c', /./],
    ['no JSON', `${Buffer.from('x').toString('base64url')}.${body}.${signature}`, /no JSON/],
    ['too long', `${head}.${'a'.repeat(9000)}.${signature}`, /no signed JWT/],
  ];
  for (const [name, token, why] of table) {
    const verdict = await ask(token);
    t.match(verdict, { kind: 'refused', reason: 'unauthorized', detail: why }, name);
    if (verdict.kind !== 'refused') continue;
    t.match(
      verdict.fields,
      /^WWW-Authenticate: Bearer error="invalid_token", error_description="[\w ,.-]+"\r\n$/,
      name,
    );
  }
});

t.test('claims that are required', async (t) => {
  t.match(await ask(await sign({ scope: 'write' })), {
    kind: 'refused',
    reason: 'forbidden',
    fields: 'WWW-Authenticate: Bearer error="insufficient_scope"\r\n',
  });
  t.match(await ask(await sign({ scope: 'readable' })), { reason: 'forbidden' }, 'whole words only');
});

t.test('claims as texts', async (t) => {
  const payload = {
    a: 1,
    b: true,
    c: ['x', 2, { y: 1 }],
    d: { e: { f: 'g' } },
    'd.e': 'dotted',
    scope: 'p q',
  };
  t.same(claimTexts(payload, 'a'), ['1']);
  t.same(claimTexts(payload, 'b'), ['true']);
  t.same(claimTexts(payload, 'c'), ['x', '2']);
  t.same(claimTexts(payload, 'd'), []);
  t.same(claimTexts(payload, 'd.e'), ['dotted'], 'the name itself first');
  t.same(claimTexts(payload, 'd.e.f'), ['g']);
  t.same(claimTexts(payload, 'scope'), ['p', 'q']);
  t.same(claimTexts(payload, 'constructor.name'), []);
  t.equal(missingClaim(payload, [{ claim: 'a', values: ['*'] }]), undefined);
  t.equal(missingClaim(payload, [{ claim: 'z', values: ['*'] }]), 'z');
});

t.test('a secret of both sides', async (t) => {
  const jwt = makeJwt({ keys: { kind: 'secret', secret: SECRET }, algorithms: ['HS256'] });
  const token = await sign({}, { alg: 'HS256' }, Buffer.from(SECRET));
  t.match(await ask(token, jwt), { kind: 'known' });
  const wrong = await sign({}, { alg: 'HS256' }, Buffer.from(SECRET.replace('a', 'b')));
  t.match(await ask(wrong, jwt), { reason: 'unauthorized' });
});

t.test('a good token is remembered until it ends', async (t) => {
  const jwt = makeJwt();
  const token = await sign({ exp: nowS + 10 });
  const check = () =>
    jwt.check({ fields: `Authorization: Bearer ${token}\r\n` } as Parameters<Jwt['check']>[0]);
  t.ok(check() instanceof Promise);
  await check();
  t.match(check(), { kind: 'known' }, 'without asking anybody');
  clock.advance(15_001);
  t.match(await check(), { kind: 'refused', reason: 'unauthorized' });
  jwt.close();
});

t.test('no keys to be had', async (t) => {
  const set = { version: 0, keysFor: () => Promise.resolve(null), close: () => {} };
  const jwt = new Jwt(OPTIONS, set, clock, Buffer.alloc(32));
  t.match(await ask(await sign(), jwt), { kind: 'refused', reason: 'auth_unavailable' });
  t.match(
    await jwt.check({ fields: '' } as Parameters<Jwt['check']>[0]),
    { reason: 'unauthorized', fields: 'WWW-Authenticate: Bearer\r\n' },
    'nobody is asked for a request without a token',
  );
});
