import { createHash } from 'node:crypto';
import t from 'tap';
import { type ApiKeyOptions, ApiKeys, KeyRing, type Verdict } from '../../../src/access/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const digest = (key: string): string => createHash('sha256').update(key).digest('hex');
const clock = new FakeClock();
const ring = new KeyRing(
  [
    {
      name: 'acme',
      keys: [
        { name: 'web', digest: digest('key-of-web'), expiresMs: null },
        { name: 'old', digest: digest('key-of-old'), expiresMs: clock.wallMs() + 1000 },
      ],
      routes: null,
    },
    {
      name: 'other',
      keys: [{ name: 'main', digest: digest('key-of-other'), expiresMs: null }],
      routes: ['reports'],
    },
  ],
  Buffer.alloc(32, 9),
);

function ask(fields: string, target = '/', options: Partial<ApiKeyOptions> = {}, route = 'api'): string {
  const how: ApiKeyOptions = { kind: 'api_key', header: 'x-api-key', query: '', ...options };
  const verdict: Verdict = new ApiKeys(how, route, ring, clock).check({
    method: 'GET',
    target,
    fields,
    scheme: 'https',
    authority: 'x',
    clientIp: '192.0.2.1',
    requestId: 'id',
  });
  return verdict.kind === 'known'
    ? `${verdict.tenant} ${verdict.user}`
    : verdict.kind === 'refused'
      ? verdict.reason
      : '';
}

t.test('who may', async (t) => {
  t.equal(ask('X-API-Key: key-of-web\r\n'), 'acme web');
  t.equal(ask('X-API-Key: key-of-we\r\n'), 'unauthorized');
  t.equal(ask('X-API-Key:\r\n'), 'unauthorized');
  t.equal(ask(''), 'unauthorized');
  t.equal(ask(`X-API-Key: ${digest('key-of-web')}\r\n`), 'unauthorized', 'the digest is not the key');
  t.equal(ask('X-API-Key: key-of-web\r\nx-api-key: key-of-web\r\n'), 'bad_request');
});

t.test('where it may stand', async (t) => {
  t.equal(ask('', '/?key=key-of-web'), 'unauthorized', 'not in the query, unless it may');
  t.equal(ask('', '/?key=key-of-web', { query: 'key' }), 'acme web');
  t.equal(ask('X-API-Key: key-of-web\r\n', '/', { header: '', query: 'key' }), 'unauthorized');
  t.equal(
    ask('X-API-Key: key-of-web\r\n', '/?key=key-of-web', { query: 'key' }),
    'bad_request',
    'two places',
  );
  t.equal(ask('Authorization: Bearer key-of-web\r\n', '/', { header: 'authorization' }), 'acme web');
});

t.test('routes of a tenant', async (t) => {
  t.equal(ask('X-API-Key: key-of-other\r\n'), 'forbidden');
  t.equal(ask('X-API-Key: key-of-other\r\n', '/', {}, 'reports'), 'other main');
  t.equal(ask('X-API-Key: key-of-web\r\n', '/', {}, 'reports'), 'acme web', 'without a list, all');
});

t.test('a key that ends', async (t) => {
  t.equal(ask('X-API-Key: key-of-old\r\n'), 'acme old');
  clock.advance(1000);
  t.equal(ask('X-API-Key: key-of-old\r\n'), 'unauthorized');
});
