import t from 'tap';
import { assertProtected } from '../../../src/admin/admin-server.ts';
import { guardKey, LoginGuard } from '../../../src/admin/login-guard.ts';
import { bearerToken, isAllowed, TokenSet } from '../../../src/admin/tokens.ts';

t.test('tokens are matched whole', async (t) => {
  const set = new TokenSet([
    { name: 'a', role: 'viewer', token: 'one' },
    { name: 'b', role: 'admin', token: 'two' },
  ]);
  t.same(set.match('one'), { name: 'a', role: 'viewer' });
  t.same(set.match('two'), { name: 'b', role: 'admin' });
  for (const wrong of ['', 'on', 'onetwo', 'ONE']) t.equal(set.match(wrong), undefined, wrong);
  t.equal(new TokenSet([]).match(''), undefined);
  t.notMatch(JSON.stringify(set), 'one');
});

t.test('Authorization', async (t) => {
  t.equal(bearerToken('Bearer abc'), 'abc');
  t.equal(bearerToken('BEARER  a.b-c_~+/=='), 'a.b-c_~+/==');
  for (const wrong of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'abc',
    'Basic abc',
    'Bearer a b',
    'Bearer a,b',
    'xBearer a',
  ])
    t.equal(bearerToken(wrong), undefined, `${wrong}`);
});

t.test('roles', async (t) => {
  const roles = ['viewer', 'operator', 'admin'] as const;
  const table = roles.map((role) => roles.map((needed) => isAllowed(role, needed)));
  t.same(table, [
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});

t.test('nothing is open beyond this machine without a token', async (t) => {
  const at = (host: string) => ({ host, port: 9900 });
  for (const host of ['127.0.0.1', '::1', 'localhost']) t.doesNotThrow(() => assertProtected(at(host), []));
  for (const host of ['', '0.0.0.0', '::', '10.0.0.1', 'lb.example']) {
    t.throws(() => assertProtected(at(host), []), { code: 'admin_open', hint: /admin\.tokens/ }, host);
    t.doesNotThrow(() => assertProtected(at(host), ['a token']));
  }
});

t.test('the guard counts guesses by address', async (t) => {
  const guard = new LoginGuard({ maxFailures: 3, windowSeconds: 60 });
  t.equal(await guard.blockedSeconds('10.0.0.1'), 0, 'before it has loaded anything');
  for (const token of ['a', 'b', 'c']) t.equal(await guard.noteFailure('10.0.0.1', token), 0);
  t.ok((await guard.blockedSeconds('10.0.0.1')) > 0);
  t.ok((await guard.blockedSeconds('::ffff:10.0.0.1')) > 0);
  t.equal(await guard.blockedSeconds('10.0.0.2'), 0);
});

t.test('the same wrong token again is no new guess, but is slowed down', async (t) => {
  const guard = new LoginGuard({ maxFailures: 3, windowSeconds: 60 });
  for (let i = 0; i < 3; i++) t.equal(await guard.noteFailure('10.0.0.1', 'old'), 0);
  t.ok((await guard.noteFailure('10.0.0.1', 'old')) > 0);
  t.equal(await guard.blockedSeconds('10.0.0.1'), 0);
  await guard.noteFailure('10.0.0.1', 'x');
  await guard.noteFailure('10.0.0.1', 'y');
  t.ok((await guard.blockedSeconds('10.0.0.1')) > 0, 'three different ones');
});

t.test('first failures at the same time share one count', async (t) => {
  const guard = new LoginGuard({ maxFailures: 3, windowSeconds: 60 });
  const waits = await Promise.all(['a', 'b', 'c', 'd'].map((token) => guard.noteFailure('10.0.0.1', token)));
  t.equal(waits.filter((wait) => wait > 0).length, 1);
});

t.test('whom the guard counts as one', async (t) => {
  t.equal(guardKey('10.0.0.1'), '10.0.0.1');
  t.equal(guardKey('::ffff:10.0.0.1'), '10.0.0.1');
  t.equal(guardKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  t.equal(guardKey('2001:0DB8:1:2::9'), '2001:db8:1:2::/64');
  t.equal(guardKey('2001:db8::1'), '2001:db8:0:0::/64');
  t.equal(guardKey('fe80::1%eth0'), 'fe80:0:0:0::/64');
  t.equal(guardKey('::1'), '0:0:0:0::/64');
  t.equal(guardKey('64:ff9b::1.2.3.4'), '64:ff9b:0:0::/64');
});
