import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import {
  decideFetch,
  KEYS_COOLDOWN_MS,
  KEYS_OLD_MS,
  KEYS_RETRY_MS,
  type KeySetState,
  parseKeySet,
  RemoteKeySet,
} from '../../../src/access/key-set.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const NEVER = Number.NEGATIVE_INFINITY;

t.test('when keys are fetched', async (t) => {
  const nowMs = 10_000_000;
  const at = (loadedAgoMs: number | null, triedAgoMs: number | null, hasFailed = false): KeySetState => ({
    loadedMs: loadedAgoMs === null ? NEVER : nowMs - loadedAgoMs,
    triedMs: triedAgoMs === null ? NEVER : nowMs - triedAgoMs,
    hasFailed,
  });
  const table: [name: string, state: KeySetState, isUnknown: boolean, expected: string][] = [
    ['the first token', at(null, null), true, 'wait'],
    ['the first fetch has just failed', at(null, 10, true), true, 'use'],
    ['it failed some time ago', at(null, KEYS_RETRY_MS, true), true, 'wait'],
    ['a key that is known', at(1000, 1000), false, 'use'],
    ['an unknown key, soon after a fetch', at(1000, 1000), true, 'use'],
    ['an unknown key later', at(KEYS_COOLDOWN_MS, KEYS_COOLDOWN_MS), true, 'wait'],
    ['old keys', at(KEYS_OLD_MS, KEYS_OLD_MS), false, 'refresh'],
    ['old keys, an unknown one', at(KEYS_OLD_MS, KEYS_OLD_MS), true, 'wait'],
    ['old keys, and the last fetch has just failed', at(KEYS_OLD_MS, 10, true), false, 'use'],
    ['old keys, and it failed some time ago', at(KEYS_OLD_MS, KEYS_RETRY_MS, true), false, 'refresh'],
  ];
  for (const [name, state, isUnknown, expected] of table)
    t.equal(decideFetch(state, isUnknown, nowMs), expected, name);
});

t.test('what is a key set', async (t) => {
  t.same(parseKeySet('{"keys":[{"kty":"RSA"}]}').keys.length, 1);
  for (const bad of ['', '[]', 'null', '{}', '{"keys":{}}', '{"keys":[1]}', '{"keys":[{"kid":"a"}]}'])
    t.throws(() => parseKeySet(bad), bad);
});

/** A key whose name is enough here. */
const key = (kid: string): object => ({ kty: 'oct', kid, k: 'AAAA' });

t.test('fetched, rotated, kept while nobody answers', async (t) => {
  let answer = { status: 200, body: JSON.stringify({ keys: [key('a')] }) };
  let fetches = 0;
  const server = createServer((_request, response) => {
    fetches++;
    response.writeHead(answer.status).end(answer.body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const clock = new FakeClock();
  const logged: string[] = [];
  const set = new RemoteKeySet(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`, clock, {
    info: (message) => logged.push(`info ${message}`),
    warn: (message, { so }) => logged.push(`warn ${message}: ${so}`),
  });
  t.same(await Promise.all([set.keysFor('a'), set.keysFor('a')]).then((all) => all.length), 2);
  t.equal(fetches, 1, 'once for all who wait');
  t.equal(set.version, 1);
  await set.keysFor('b');
  t.equal(fetches, 1, 'strangers cannot make it ask at will');
  clock.advance(KEYS_COOLDOWN_MS);
  answer.body = JSON.stringify({ keys: [key('a'), key('b')] });
  await set.keysFor('b');
  t.equal(fetches, 2);
  t.equal(set.version, 2, 'rotated');

  answer = { status: 500, body: 'down' };
  clock.advance(KEYS_OLD_MS);
  t.not(await set.keysFor('a'), null, 'old keys go on at once');
  await set.keysFor('c');
  t.equal(fetches, 3);
  t.same(logged, ['warn the key set gives no usable answer: the keys that are known stay in use']);
  clock.advance(KEYS_COOLDOWN_MS);
  await set.keysFor('c');
  t.equal(logged.length, 1, 'said once');

  answer = { status: 200, body: JSON.stringify({ keys: [key('c')] }) };
  clock.advance(KEYS_COOLDOWN_MS);
  await set.keysFor('c');
  t.equal(set.version, 3);
  t.equal(logged.at(-1), 'info the key set answers again');
  set.close();
  server.closeAllConnections();
  await once(server.close(), 'close');
});

t.test('nobody there at all', async (t) => {
  const clock = new FakeClock();
  const logged: string[] = [];
  const set = new RemoteKeySet('http://127.0.0.1:1/jwks', clock, {
    info: () => {},
    warn: (_message, { so }) => logged.push(String(so)),
  });
  t.equal(await set.keysFor('a'), null);
  t.same(logged, ['tokens are refused']);
  set.close();
});
