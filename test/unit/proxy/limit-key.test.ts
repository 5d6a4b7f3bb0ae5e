/** Whom a request counts for, from real request heads. */
import t from 'tap';
import { buildRequestHead, HttpFault, parseRequestFields } from '../../../src/http/index.ts';
import { LimiterTable } from '../../../src/limit/index.ts';
import type { Exchange } from '../../../src/proxy/exchange.ts';
import { type LimitKey, limitKeyName, limitKeyOf } from '../../../src/proxy/limit-key.ts';

const CLIENT = { hi: 0xffff, lo: 0x0a000001 };
const limiter = LimiterTable.create({ entries: 8, seed: Buffer.alloc(8, 7), nowMs: 0 });

function keyOf(key: LimitKey, lines = '', target = '/', tenant = ''): string {
  const fields = parseRequestFields(`Host: x\r\n${lines}`, false, 100);
  if (fields instanceof HttpFault) throw new Error(fields.detail);
  const head = buildRequestHead({ method: 'GET', target, minor: 1 }, fields);
  const exchange = { stream: { head }, asker: { key: CLIENT }, tenant, path: '' } as unknown as Exchange;
  const { hi, lo } = limitKeyOf(key, exchange, limiter, { hi: 0, lo: 0 });
  return `${hi},${lo}`;
}

function textKey(text: string): string {
  const key = { hi: 0, lo: 0 };
  limiter.textKey(text, key);
  return `${key.hi},${key.lo}`;
}

t.test('each kind of key, and the client’s address without it', async (t) => {
  const address = `${CLIENT.hi},${CLIENT.lo}`;
  const header: LimitKey = { kind: 'header', name: 'x-user' };
  const cookie: LimitKey = { kind: 'cookie', name: 'sid' };
  const query: LimitKey = { kind: 'query', name: 'id' };
  const rows: [what: string, key: string, wanted: string][] = [
    ['client_ip', keyOf({ kind: 'client_ip' }), address],
    ['header', keyOf(header, 'X-User: ann\r\n'), textKey('ann')],
    ['no header', keyOf(header), address],
    ['an empty header', keyOf(header, 'X-User: \r\n'), address],
    ['cookie', keyOf(cookie, 'Cookie: a=b; sid=s1\r\n'), textKey('s1')],
    ['no cookie', keyOf(cookie, 'Cookie: a=b\r\n'), address],
    ['query', keyOf(query, '', '/?a=1&id=7'), textKey('7')],
    ['no query', keyOf(query, '', '/id=7'), address],
    ['path', keyOf({ kind: 'path' }, '', '/a?b'), textKey('/a')],
    ['a path, spelt otherwise', keyOf({ kind: 'path' }, '', '/x/..//%61?b'), textKey('/a')],
    ['a path that is refused', keyOf({ kind: 'path' }, '', '/..?b'), textKey('/..')],
    ['a parameter, escaped', keyOf(query, '', '/?i%64=%62ob+%C3%BC'), textKey('bob \xc3\xbc')],
    ['two parameters', keyOf(query, '', '/?id=ann&id=bob'), address],
    ['an empty parameter', keyOf(query, '', '/?id='), address],
    ['two headers', keyOf(header, 'X-User: ann\r\nx-user: bob\r\n'), address],
    ['tenant', keyOf({ kind: 'tenant' }, '', '/', 'acme'), textKey('acme')],
    ['no tenant', keyOf({ kind: 'tenant' }), address],
  ];
  for (const [what, key, wanted] of rows) t.equal(key, wanted, what);
  t.equal(keyOf({ kind: 'route' }), keyOf({ kind: 'route' }, 'X-User: ann\r\n', '/other'), 'all together');
  t.not(keyOf({ kind: 'route' }), address);
  t.not(textKey('ann'), textKey('anm'));
});

t.test('how keys are written', async (t) => {
  t.equal(limitKeyName({ kind: 'header', name: 'x-user' }), 'header:x-user');
  t.equal(limitKeyName({ kind: 'tenant' }), 'tenant');
});
