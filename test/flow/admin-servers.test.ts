import { Agent } from 'node:http';
import t from 'tap';
import { AdminFixture, Backend, webOf } from '../support/admin-fixture.ts';

/** Servers changed over the API, and what the next requests through the proxy do. */

const SERVERS = '/api/v1/pools/web/servers';
const pathOf = (backend: Backend): string => `${SERVERS}/${encodeURIComponent(backend.address)}`;
const sum = (counts: Map<string, number>): number => [...counts.values()].reduce((all, one) => all + one, 0);

t.test('an added server gets requests, a removed one no more', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  t.same([...(await sluice.answered(4))], [[one.address, 4]]);

  const added = await sluice.api(SERVERS, { method: 'POST', body: { address: `:${two.port}` } });
  t.equal(added.status, 201, added.text);
  t.equal(added.headers.location, pathOf(two));
  t.match(added.body, {
    persisted: false,
    note: /restart/,
    warnings: [],
    server: { id: two.address, address: two.address, origin: 'api', weight: 1, max_connections: null },
  });
  const both = await sluice.answered(10);
  t.equal(both.get(one.address), 5);
  t.equal(both.get(two.address), 5);

  const looked = await sluice.api(added.headers.location ?? '');
  t.equal(looked.status, 200);
  t.match(looked.body, { requests_total: 5, answers: { '2xx': 5 }, in_flight: 0 });
  t.ok(looked.body.average_ms > 0);

  const removed = await sluice.api(pathOf(two), { method: 'DELETE' });
  t.equal(removed.status, 200);
  t.match(removed.body, { removed: two.address, persisted: false, warnings: [] });
  t.same([...(await sluice.answered(6))], [[one.address, 6]]);
  t.equal((await sluice.api(pathOf(two))).status, 404);
  const again = await sluice.api(pathOf(two), { method: 'DELETE' });
  t.match(again, { status: 404, body: { code: 'no_server', hint: one.address } });
});

t.test('a server of the file can be removed and added again', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address, two.address]));
  t.equal((await sluice.api(pathOf(two), { method: 'DELETE' })).status, 200);
  const again = await sluice.api(SERVERS, { method: 'POST', body: { address: two.address, weight: 3 } });
  t.match(again, { status: 201, body: { server: { weight: 3 } } });
  t.equal((await sluice.answered(8)).get(two.address), 6);
});

t.test('a removed server finishes what it has', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address, two.address]));
  const gate = Promise.withResolvers<void>();
  one.gate = gate.promise;
  two.gate = gate.promise;
  const slow = [sluice.get(), sluice.get()];
  while (one.hits + two.hits < 2) await new Promise(setImmediate);
  t.match((await sluice.api('/api/v1/pools/web')).body, { in_flight: 2 });
  t.equal((await sluice.api(pathOf(two), { method: 'DELETE' })).status, 200);
  gate.resolve();
  t.same(
    (await Promise.all(slow)).map((answer) => answer.status),
    [200, 200],
  );
});

t.test('drain and undrain', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address, two.address]));
  const drained = await sluice.api(`${pathOf(two)}/actions/drain`, { method: 'POST' });
  t.match(drained, {
    status: 200,
    body: { server: { state: 'draining', draining: true }, persisted: false, warnings: [] },
  });
  t.same([...(await sluice.answered(8))], [[one.address, 8]]);
  t.match((await sluice.api('/api/v1/pools/web')).body, { available: 1 });

  const last = await sluice.api(`${pathOf(one)}/actions/drain`, { method: 'POST', body: {} });
  t.equal(last.body.warnings.length, 1, 'the last server: done, and said');
  t.match(last.body.warnings[0], /no server left/);
  t.equal((await sluice.get()).status, 503);

  for (const backend of [one, two])
    t.match(await sluice.api(`${pathOf(backend)}/actions/undrain`, { method: 'POST' }), {
      status: 200,
      body: { server: { state: 'healthy', draining: false } },
    });
  t.equal((await sluice.answered(8)).get(two.address), 4);
});

t.test('maintenance by action and by PATCH', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address, two.address]));
  const on = await sluice.api(`${pathOf(two)}/actions/maintenance`, {
    method: 'POST',
    body: { enabled: true },
  });
  t.match(on, { status: 200, body: { server: { state: 'maintenance', maintenance: true } } });
  t.same([...(await sluice.answered(4))], [[one.address, 4]]);
  const off = await sluice.api(pathOf(two), { method: 'PATCH', body: { maintenance: false } });
  t.match(off, { status: 200, body: { server: { state: 'healthy' } } });
  t.equal((await sluice.answered(4)).get(two.address), 2);
  t.match(await sluice.api(`${pathOf(two)}/actions/maintenance`, { method: 'POST' }), {
    status: 422,
    body: { code: 'invalid' },
  });
  const lastDown = await sluice.api(pathOf(one), { method: 'PATCH', body: { weight: 0 } });
  t.same(lastDown.body.warnings, []);
  t.equal((await sluice.api(pathOf(two), { method: 'DELETE' })).body.warnings.length, 1);
});

t.test('weight and cap by PATCH', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address, two.address]));
  const heavy = await sluice.api(pathOf(two), { method: 'PATCH', body: { weight: 3 } });
  t.match(heavy, { status: 200, body: { server: { weight: 3 } } });
  const counts = await sluice.answered(40);
  t.equal(sum(counts), 40);
  t.equal(counts.get(two.address), 30, 'three of four');

  t.equal((await sluice.api(pathOf(two), { method: 'PATCH', body: { weight: 0 } })).status, 200);
  t.same([...(await sluice.answered(6))], [[one.address, 6]]);

  const capped = await sluice.api(pathOf(one), { method: 'PATCH', body: { max_connections: 1 } });
  t.match(capped.body.server, { max_connections: 1, weight: 1 });
  const gate = Promise.withResolvers<void>();
  one.gate = gate.promise;
  const hits = one.hits;
  const first = sluice.get();
  while (one.hits === hits) await new Promise(setImmediate);
  const second = sluice.get();
  t.equal((await sluice.api(pathOf(one))).body.in_flight, 1);
  gate.resolve();
  t.same([(await first).status, (await second).status], [200, 200], 'the second one waited its turn');
  const uncapped = await sluice.api(pathOf(one), { method: 'PATCH', body: { max_connections: null } });
  t.equal(uncapped.body.server.max_connections, null);
});

t.test('a zone: the own one is asked first, and a reload keeps it', async (t) => {
  await using far = await Backend.open();
  await using near = await Backend.open();
  const file = { ...webOf([far.address]), zone: 'a' };
  await using sluice = await AdminFixture.start(file);
  t.match((await sluice.api(pathOf(far))).body, { zone: null });
  const added = await sluice.api(SERVERS, { method: 'POST', body: { address: near.address, zone: 'a' } });
  t.match(added, { status: 201, body: { server: { zone: 'a' } } });
  t.same([...(await sluice.answered(6))], [[near.address, 6]]);
  sluice.write({ ...file, max_memory: '512MiB' });
  t.equal((await sluice.api('/api/v1/reload', { method: 'POST' })).status, 200);
  t.match((await sluice.api(pathOf(near))).body, { zone: 'a', origin: 'api' });
  t.same([...(await sluice.answered(6))], [[near.address, 6]]);
  for (const zone of ['', 'two words', 7])
    t.match(await sluice.api(SERVERS, { method: 'POST', body: { address: ':9', zone } }), {
      status: 422,
      body: { errors: [{ field: 'zone' }] },
    });
});

t.test('a backup, an id of its own, a cap from the start', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const body = { address: two.address, id: 'spare-1', backup: true, max_connections: 7, weight: 2 };
  const added = await sluice.api(SERVERS, { method: 'POST', body });
  t.equal(added.headers.location, `${SERVERS}/spare-1`);
  t.match(added.body.server, { id: 'spare-1', backup: true, max_connections: 7, weight: 2 });
  t.same([...(await sluice.answered(4))], [[one.address, 4]]);
  await sluice.api(`${pathOf(one)}/actions/drain`, { method: 'POST' });
  t.same([...(await sluice.answered(4))], [[two.address, 4]]);
  const same = await sluice.api(SERVERS, { method: 'POST', body });
  t.match(same, { status: 409, body: { code: 'server_exists', hint: /PATCH/ } });
});

t.test('two that add the same server at once: one wins', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const post = () => sluice.api(SERVERS, { method: 'POST', body: { address: two.address } });
  const statuses = (await Promise.all([post(), post(), post()])).map((answer) => answer.status);
  t.same(statuses.sort(), [201, 409, 409]);
});

t.test('check now', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  const health = { path: '/healthz', interval: '5m', fall: 1, rise: 1 };
  await using sluice = await AdminFixture.start(webOf([one.address, two.address], { health }));
  one.isHealthy = false;
  const check = (backend: Backend) => sluice.api(`${pathOf(backend)}/actions/check`, { method: 'POST' });
  const bad = await check(one);
  t.match(bad, { status: 200, body: { server: one.address, healthy: false, changed: true, why: /500/ } });
  t.type(bad.body.response_ms, 'number');
  t.match((await sluice.api(pathOf(one))).body, {
    state: 'unhealthy',
    health: { checked: true, why: /500/ },
  });
  t.same([...(await sluice.answered(4))], [[two.address, 4]]);
  one.isHealthy = true;
  t.match((await check(one)).body, { healthy: true, changed: true });
  t.match(await sluice.api(`${SERVERS}/nobody/actions/check`, { method: 'POST' }), {
    status: 404,
    body: { code: 'no_server' },
  });
});

t.test('a pool without checks has none to run', async (t) => {
  await using one = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const answer = await sluice.api(`${pathOf(one)}/actions/check`, { method: 'POST' });
  t.match(answer, { status: 409, body: { code: 'no_check' } });
});

t.test('If-Match: whoever looked at an older state changes nothing (B60)', async (t) => {
  await using one = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const seen = (await sluice.api(pathOf(one))).headers.etag ?? '';
  t.match(seen, /^"[\w-]{16}"$/);
  const change = (weight: number, ifMatch: string, method = 'PATCH') =>
    sluice.api(pathOf(one), { method, headers: { 'if-match': ifMatch }, body: { weight } });
  const changed = await change(5, seen);
  t.equal(changed.status, 200);
  t.not(changed.headers.etag, seen);
  const late = await change(9, seen);
  t.match(late, { status: 412, body: { code: 'precondition_failed' } });
  t.equal(late.headers.etag, changed.headers.etag);
  t.equal((await sluice.api(pathOf(one))).body.weight, 5);
  t.equal((await sluice.api(pathOf(one), { method: 'DELETE', headers: { 'if-match': seen } })).status, 412);
  t.equal((await change(6, `"other", ${changed.headers.etag}`)).status, 200);
  t.equal((await change(7, '*')).status, 200);
});

t.test('wrong fields are all named, and nothing changes', async (t) => {
  await using one = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const post = (body: unknown) => sluice.api(SERVERS, { method: 'POST', body });
  const many = await post({ address: '127.1:80', weight: 1001, backup: 'yes', wieght: 3, id: 'a b' });
  t.equal(many.status, 422);
  t.match(many.headers['content-type'], /^application\/problem\+json/);
  t.match(many.body, { type: 'about:blank', status: 422, code: 'invalid' });
  t.same(many.body.errors.map((error: { field: string }) => error.field).sort(), [
    'address',
    'backup',
    'id',
    'weight',
    'wieght',
  ]);
  for (const address of [
    '',
    '1.2.3.4',
    'http://a:80',
    'a:0',
    '169.254.169.254:80',
    '[::ffff:169.254.169.254]:80',
  ])
    t.match(await post({ address }), { status: 422, body: { errors: [{ field: 'address' }] } }, address);
  t.match(await post([]), { status: 422 });
  t.match(await post({}), { status: 422, body: { errors: [{ field: 'address' }] } });
  const patch = (body: unknown) => sluice.api(pathOf(one), { method: 'PATCH', body });
  t.match(await patch({}), { status: 422, body: { detail: /Nothing to change/ } });
  t.match(await patch({ weight: 1.5 }), {
    status: 422,
    body: { errors: [{ field: 'weight', message: /0 to 1000/ }] },
  });
  t.match(await patch({ max_connections: 0 }), { status: 422 });
  t.match(await patch({ address: 'x:1' }), { status: 422, body: { errors: [{ field: 'address' }] } });
  t.match(await post('{"address":'), { status: 415 }, 'no content type');
  const json = { 'content-type': 'application/json' };
  t.match(await sluice.api(SERVERS, { method: 'POST', body: '{"address":', headers: json }), {
    status: 400,
    body: { code: 'bad_json' },
  });
  t.match(await sluice.api(SERVERS, { method: 'POST', body: '{"__proto__":{}}', headers: json }), {
    status: 400,
  });
  t.match(await sluice.api(SERVERS, { method: 'POST', body: '', headers: json }), { status: 400 });
  t.match(await sluice.api(`${pathOf(one)}/actions/drain`, { method: 'POST', body: { now: true } }), {
    status: 422,
  });
  const pool = await sluice.api('/api/v1/pools/web');
  t.equal(pool.body.servers.length, 1);
  t.match(pool.body.servers[0], { weight: 1, draining: false, max_connections: null });
});

t.test('every change is in the log: who, from where, before and after', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  const tokens = [{ name: 'olga', role: 'operator', token: 'olgas-token-0123456789' }];
  const admin = { listen: '127.0.0.1:0', tokens };
  await using sluice = await AdminFixture.start(webOf([one.address], {}, { admin }));
  const token = 'olgas-token-0123456789';
  const states: unknown[] = [];
  sluice.daemon.events.on('server_state', (event) => states.push(event));
  await sluice.api(SERVERS, { method: 'POST', token, body: { address: two.address } });
  await sluice.api(pathOf(two), { method: 'PATCH', token, body: { weight: 9 } });
  await sluice.api(`${pathOf(two)}/actions/drain`, { method: 'POST', token });
  await sluice.api(pathOf(two), { method: 'DELETE', token });
  t.match(states, [{ server: two.address, from: 'healthy', to: 'draining', why: 'by api:olga' }]);
  await sluice.daemon.stop();
  const who = { by: 'api:olga', role: 'operator', from: '127.0.0.1', pool: 'web', server: two.address };
  t.match(sluice.logged('server added'), [{ ...who, before: null, after: { weight: 1 } }]);
  t.match(sluice.logged('server changed'), [{ ...who, before: { weight: 1 }, after: { weight: 9 } }]);
  t.match(sluice.logged('server draining'), [
    { ...who, before: { draining: false }, after: { draining: true } },
  ]);
  t.match(sluice.logged('server removed'), [{ ...who, before: { draining: true }, after: null }]);
});

t.test('an IPv6 server by its URL-encoded id', async (t) => {
  await using one = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const added = await sluice.api(SERVERS, {
    method: 'POST',
    body: { address: '[2001:DB8::1]:80', weight: 0 },
  });
  t.equal(added.status, 201);
  t.equal(added.headers.location, `${SERVERS}/%5B2001%3Adb8%3A%3A1%5D%3A80`);
  t.match(await sluice.api(added.headers.location ?? ''), {
    status: 200,
    body: { address: '[2001:db8::1]:80' },
  });
  t.equal((await sluice.api(added.headers.location ?? '', { method: 'DELETE' })).status, 200);
});

t.test('a server added while clients keep their connections', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address], {}, { threads: 2 }));
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  t.teardown(() => agent.destroy());
  const burst = () => Promise.all(Array.from({ length: 20 }, () => sluice.get('/', agent)));
  t.ok((await burst()).every((answer) => answer.text === one.address));
  await sluice.api(SERVERS, { method: 'POST', body: { address: two.address } });
  const answers = await burst();
  t.ok(answers.every((answer) => answer.status === 200));
  t.ok(answers.filter((answer) => answer.text === two.address).length >= 5, 'on the open connections');
});
