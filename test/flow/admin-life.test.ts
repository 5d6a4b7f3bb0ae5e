import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { Agent } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { AdminFixture, ask, Backend, webOf } from '../support/admin-fixture.ts';

/** From the start to the stop: when probes say what, where the token lies, and what the start refuses. */

t.test('/readyz: 503 while it starts, 200 when it takes traffic, 503 while it drains', async (t) => {
  await using one = await Backend.open();
  // A server that takes the connection and never answers its check keeps the start waiting.
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const { port: silentPort } = silent.address() as import('node:net').AddressInfo;
  const health = { path: '/healthz', interval: '60s', timeout: '20s' };
  const sluice = AdminFixture.begin(webOf([one.address, `127.0.0.1:${silentPort}`], { health }));
  await sluice.daemon.events.once('listener', (event) => event.listener === 'admin');
  const readyz = () => ask(sluice.port, '/readyz');
  t.match(await readyz(), { status: 503, body: { status: 'starting' } });
  t.equal((await ask(sluice.port, '/healthz')).status, 200);
  t.match((await sluice.api('/api/v1/snapshot')).body, { life: 'starting' });
  await sluice.started;
  t.match(await readyz(), { status: 200, body: { status: 'ready' } });

  const gate = Promise.withResolvers<void>();
  one.gate = gate.promise;
  const slow = sluice.get();
  while (one.hits === 0) await new Promise(setImmediate);
  const draining = sluice.daemon.events.once('life', (event) => event.state === 'draining');
  const { port } = sluice;
  const stopped = sluice.daemon.stop();
  await draining;
  t.match(await readyz(), { status: 503, body: { status: 'draining' } });
  t.equal((await ask(port, '/healthz')).status, 200);
  const late = await sluice.api('/api/v1/pools/web/servers', { method: 'POST', body: { address: 'a:1' } });
  t.match(late, { status: 503, body: { code: 'stopping' } });
  gate.resolve();
  t.equal((await slow).status, 200);
  await stopped;
  await t.rejects(ask(port, '/healthz'), { code: 'ECONNREFUSED' });
  await sluice[Symbol.asyncDispose]();
});

t.test('the stop closes connections that are kept alive', async (t) => {
  const sluice = await AdminFixture.start(webOf(['127.0.0.1:9']));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await sluice.api('/healthz', { agent });
  const [socket] = Object.values(agent.freeSockets).flat();
  t.ok(socket && !socket.destroyed, 'kept');
  const closed = socket ? once(socket, 'close') : undefined;
  await sluice[Symbol.asyncDispose]();
  await closed;
  agent.destroy();
});

t.test('the token is made once, for this user alone, and used again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
  const data = join(folder, 'data');
  const file = join(data, 'admin.token');
  const begin = () => AdminFixture.start(webOf(['127.0.0.1:9']), folder);
  const first = await begin();
  const token = readFileSync(file, 'utf8');
  t.match(token, /^[\w-]{43}\n$/, '256 bits');
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(first.daemon.adminToken, token.trim());
  t.equal((await first.api('/api/v1/snapshot', { token: token.trim() })).status, 200);
  await first.daemon.stop();

  chmodSync(file, 0o644);
  const second = await begin();
  t.equal(readFileSync(file, 'utf8'), token);
  t.equal(statSync(file).mode & 0o777, 0o600, 'closed again');
  t.same(
    readdirSync(data).filter((name) => name.includes('tmp')),
    [],
  );
  await second.daemon.stop();
  t.equal(second.logged('the admin token could be read by other users; closed it').length, 1);

  writeFileSync(file, 'short\n');
  const third = AdminFixture.begin(webOf(['127.0.0.1:9']), folder);
  await t.rejects(third.started, { code: 'token_file', hint: /Delete the file/ });
  await third[Symbol.asyncDispose]();
});

t.test('with configured tokens no file is made', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
  const tokens = [{ name: 'ops', role: 'admin', token: 'a-configured-token-0123456789' }];
  const admin = { listen: '127.0.0.1:0', tokens };
  await using _ = await AdminFixture.start(webOf(['127.0.0.1:9'], {}, { admin }), folder);
  t.notOk(existsSync(join(folder, 'data', 'admin.token')));
});

t.test('a port that is taken: the start fails, says so, and leaves nothing', async (t) => {
  await using other = await Backend.open();
  const admin = { listen: other.address };
  await t.rejects(AdminFixture.start(webOf(['127.0.0.1:9'], {}, { admin })), {
    code: 'port_taken',
    message: new RegExp(`admin\\.listen ${other.address}`),
    hint: /ss -ltnp/,
  });
});

t.test('an address that this machine does not have', async (t) => {
  const tokens = [{ name: 'ops', role: 'admin', token: 'a-configured-token-0123456789' }];
  const admin = { listen: '192.0.2.1:0', tokens };
  await t.rejects(AdminFixture.start(webOf(['127.0.0.1:9'], {}, { admin })), {
    code: 'listen_failed',
    hint: /address of this machine/,
  });
});

t.test('a folder that cannot hold the token', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
  mkdirSync(join(folder, 'data', 'admin.token'), { recursive: true });
  await t.rejects(AdminFixture.start(webOf(['127.0.0.1:9']), folder), {
    code: 'token_file',
    hint: /admin\.tokens/,
  });
});

t.test('all addresses, with tokens: by address and by name', async (t) => {
  const token = 'a-configured-token-0123456789';
  const admin = { listen: ':0', tokens: [{ name: 'ops', role: 'viewer', token }] };
  await using sluice = await AdminFixture.start(webOf(['127.0.0.1:9'], {}, { admin }));
  const snapshot = (host: string) => sluice.api('/api/v1/snapshot', { token, headers: { host } });
  t.equal((await snapshot('10.1.2.3:80')).status, 200, 'an address cannot be rebound');
  t.equal((await snapshot('localhost')).status, 200);
  t.match(await snapshot('sluice.example'), {
    status: 403,
    body: { code: 'host_refused', hint: /admin\.hosts/ },
  });
  const hosts = ['Sluice.example', '[2001:db8::1]'];
  sluice.write(webOf(['127.0.0.1:9'], {}, { admin: { ...admin, hosts } }));
  t.match(await sluice.daemon.reloadFile(), { ok: true });
  t.equal(
    (await snapshot('sluice.example:9900')).status,
    200,
    'a name that the file gives it, after a reload',
  );
  t.equal((await snapshot('other.sluice.example')).status, 403);
});
