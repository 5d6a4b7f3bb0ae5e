import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { AdminFixture, Backend, webOf } from '../support/admin-fixture.ts';

/** What a reload over the API reports, and what of the runtime changes it leaves. */

const SERVERS = '/api/v1/pools/web/servers';
const pathOf = (backend: Backend): string => `${SERVERS}/${encodeURIComponent(backend.address)}`;
const reload = (sluice: AdminFixture) => sluice.api('/api/v1/reload', { method: 'POST' });

t.test('runtime changes survive, unless the file says something new about that server', async (t) => {
  await using one = await Backend.open();
  await using two = await Backend.open();
  await using three = await Backend.open();
  await using added = await Backend.open();
  const before = [one.address, { address: two.address, weight: 2 }, three.address];
  await using sluice = await AdminFixture.start(webOf(before));
  await sluice.api(SERVERS, { method: 'POST', body: { address: added.address, weight: 4 } });
  await sluice.api(pathOf(one), { method: 'PATCH', body: { weight: 7 } });
  await sluice.api(`${pathOf(one)}/actions/drain`, { method: 'POST' });
  await sluice.api(pathOf(two), { method: 'PATCH', body: { weight: 9 } });
  await sluice.api(pathOf(three), { method: 'DELETE' });

  t.match((await reload(sluice)).body, { same: true, generation: 4 });
  const servers = async () => {
    const { body } = await sluice.api(SERVERS);
    return new Map<string, { weight: number; draining: boolean; origin: string }>(
      body.servers.map((server: { id: string }) => [server.id, server]),
    );
  };
  const kept = await servers();
  t.match(kept.get(one.address), { weight: 7, draining: true, origin: 'file' });
  t.match(kept.get(two.address), { weight: 9, origin: 'file' });
  t.match(kept.get(added.address), { weight: 4, origin: 'api' });
  t.notOk(kept.has(three.address), 'stays removed');

  sluice.write(
    webOf([one.address, { address: two.address, weight: 3 }, { address: three.address, weight: 5 }]),
  );
  const report = await reload(sluice);
  t.equal(report.status, 200);
  t.match(report.body, {
    same: false,
    pools: { kept: ['web'] },
    servers: {
      web: {
        kept: [one.address],
        changed: [{ name: two.address, what: ['weight'] }, { name: three.address }],
      },
    },
  });
  const after = await servers();
  t.match(after.get(one.address), { weight: 7, draining: true }, 'the file says nothing new about it');
  t.match(after.get(two.address), { weight: 3 }, 'the file wins');
  t.match(after.get(three.address), { weight: 5 }, 'is back');
  t.match(after.get(added.address), { weight: 4 });
});

t.test('a file with errors changes nothing and says where they are (B57)', async (t) => {
  await using one = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const failed = sluice.daemon.events.once('config_error');
  writeFileSync(join(sluice.folder, 'sluice.yaml'), 'pools:\n  web:\n    serverz: [a]\nroutes: 3\n');
  const refused = await reload(sluice);
  t.match(refused, { status: 422, body: { code: 'config_invalid', hint: /Nothing has changed/ } });
  t.match(refused.headers['content-type'], /^application\/problem\+json/);
  const { diagnostics } = refused.body;
  t.ok(diagnostics.length >= 2);
  t.match(
    diagnostics.find((it: { line: number }) => it.line === 3),
    { severity: 'error', column: 5, message: /serverz/, file: /sluice\.yaml$/ },
  );
  await failed;
  t.equal((await sluice.api('/api/v1/snapshot')).body.generation, 1);
  t.equal((await sluice.get()).text, one.address);
});

t.test('a file that is right but cannot be put in force (B57)', async (t) => {
  await using one = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const listeners = { plain: { port: 0 }, second: { port: one.port } };
  sluice.write(webOf([one.address], {}, { listeners }));
  t.match(await reload(sluice), { status: 409, body: { code: 'port_taken', hint: /port/ } });
  t.match((await sluice.api('/api/v1/snapshot')).body, { generation: 1, listeners: [{ name: 'plain' }] });
  t.equal((await sluice.get()).text, one.address);
});

t.test('tokens change at once, the address only with a restart', async (t) => {
  await using one = await Backend.open();
  await using sluice = await AdminFixture.start(webOf([one.address]));
  const made = sluice.daemon.adminToken ?? '';
  const token = 'a-configured-token-0123456789';
  const tokens = [{ name: 'ops', role: 'admin', token }];
  sluice.write(webOf([one.address], {}, { admin: { listen: '127.0.0.1:1', tokens } }));
  t.match((await reload(sluice)).body, { needs_restart: ['admin.listen'] });
  t.equal((await sluice.api('/api/v1/snapshot', { token: made })).status, 401);
  t.equal((await sluice.api('/api/v1/snapshot', { token })).status, 200);
  t.equal(sluice.daemon.adminToken, undefined);
});
