import t from 'tap';
import { BasicUsers } from '../../../src/access/basic.ts';
import type { AccessRequest, Verdict } from '../../../src/access/index.ts';
import { KnownSecrets } from '../../../src/access/known-secrets.ts';
import { hashPassword } from '../../../src/kernel/password-hash.ts';

const KEY = Buffer.alloc(32, 3);
const CHEAP = { ln: 8, r: 8, p: 1 };
const hash = await hashPassword('secret', Buffer.alloc(16, 1), CHEAP);
const hashOfJürg = await hashPassword('größe', Buffer.alloc(16, 2), CHEAP);

function requestOf(credentials: string | null, scheme = 'Basic'): AccessRequest {
  const fields =
    credentials === null
      ? 'Host: x\r\n'
      : `Host: x\r\nAuthorization: ${scheme} ${Buffer.from(credentials).toString('base64')}\r\n`;
  return {
    method: 'GET',
    target: '/',
    fields,
    scheme: 'https',
    authority: 'x',
    clientIp: '192.0.2.1',
    requestId: 'id',
  };
}

const users = (): BasicUsers =>
  new BasicUsers(
    {
      kind: 'basic',
      realm: 'Staff "only" ü',
      users: [
        { name: 'ann', hash },
        { name: 'jürg', hash: hashOfJürg },
      ],
    },
    KEY,
  );

const said = (verdict: Verdict): string =>
  verdict.kind === 'known' ? verdict.user : verdict.kind === 'refused' ? verdict.reason : 'answered';

t.test('who may', async (t) => {
  const basic = users();
  const table: [name: string, request: AccessRequest, expected: string][] = [
    ['user and password', requestOf('ann:secret'), 'ann'],
    ['beyond ASCII', requestOf('jürg:größe'), 'j\xc3\xbcrg'],
    ['a wrong password', requestOf('ann:Secret'), 'unauthorized'],
    ['no password', requestOf('ann:'), 'unauthorized'],
    ['the password of another', requestOf('ann:größe'), 'unauthorized'],
    ['an unknown user', requestOf('bob:secret'), 'unauthorized'],
    ['nobody', requestOf(null), 'unauthorized'],
    ['another scheme', requestOf('ann:secret', 'Bearer'), 'unauthorized'],
    ['no colon', requestOf('ann'), 'unauthorized'],
  ];
  for (const [name, request, expected] of table) t.equal(said(await basic.check(request)), expected, name);
  const twice = { ...requestOf(null), fields: requestOf('ann:secret').fields.repeat(2) };
  t.equal(said(await basic.check(twice)), 'bad_request', 'two of them');
});

t.test('the challenge', async (t) => {
  t.match(await users().check(requestOf(null)), {
    fields: 'WWW-Authenticate: Basic realm="Staff \\"only\\" \xc3\xbc", charset="UTF-8"\r\n',
  });
});

t.test('what was checked is not checked again, and at the same time only once', async (t) => {
  const basic = users();
  const first = basic.check(requestOf('ann:secret'));
  t.ok(first instanceof Promise);
  t.equal(basic.check(requestOf('ann:secret')), first, 'the same check');
  await first;
  t.notOk(basic.check(requestOf('ann:secret')) instanceof Promise, 'remembered');
  await basic.check(requestOf('ann:wrong'));
  t.equal(said((await basic.check(requestOf('ann:wrong'))) as Verdict), 'unauthorized');
  t.notOk(basic.check(requestOf('ann:wrong')) instanceof Promise, 'wrong ones too');
  basic.close();
  t.ok(basic.check(requestOf('ann:secret')) instanceof Promise, 'forgotten');
});

t.test('a flood of guesses is bounded, and ends', async (t) => {
  const basic = users();
  const all = Array.from({ length: 200 }, (_, i) => basic.check(requestOf(`ann:${i}`)));
  const verdicts = await Promise.all(all);
  const count = (reason: string): number => verdicts.filter((it) => said(it) === reason).length;
  t.equal(count('auth_unavailable'), 70, 'two are checked and 128 wait');
  t.equal(count('unauthorized'), 130);
  t.equal(said(await basic.check(requestOf('ann:secret'))), 'ann', 'and then it goes on');
});

t.test('secrets that are remembered', async (t) => {
  const known = new KnownSecrets<number>(KEY, 2);
  t.not(known.nameOf('a'), known.nameOf('b'));
  t.notMatch(known.nameOf('a'), /^a/);
  known.set('right', 1, true);
  for (let i = 0; i < 5; i++) known.set(`wrong ${i}`, 0, false);
  t.equal(known.get('right'), 1, 'guesses push nobody out');
  t.equal(known.size, 3);
  t.equal(known.get('wrong 0'), undefined);
  t.equal(known.get('wrong 4'), 0);
  known.set('right 2', 2, true);
  known.set('right 3', 3, true);
  t.equal(known.get('right'), undefined, 'the oldest makes room');
});
