import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type AdminControl, AdminServer } from '../../../src/admin/index.ts';
import { SluiceError } from '../../../src/kernel/errors.ts';
import { type LogRecord, ThreadLog } from '../../../src/observe/index.ts';
import { ask } from '../../support/admin-fixture.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** The server alone, over a daemon that is not ready, breaks, or hangs. */

const never = (): never => {
  throw new Error('not asked for in this test');
};

function controlWith(changes: Partial<AdminControl>): AdminControl {
  return {
    life: 'ready',
    generation: 1,
    threads: 1,
    configFile: '/etc/sluice.yaml',
    listeners: [],
    pools: [{ name: 'web', algorithm: 'random', isChecked: false, breaker: undefined, discovery: [] }],
    servers: never,
    server: never,
    addServer: never,
    removeServer: never,
    changeServer: never,
    checkServer: never,
    reload: never,
    metrics: { contentType: 'text/plain', render: async () => '' },
    ...changes,
  };
}

const TOKEN = 'a-configured-token-0123456789';

async function opened(changes: Partial<AdminControl> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
  const clock = new FakeClock();
  const records: LogRecord[] = [];
  const server = new AdminServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      tokens: [{ name: 'ops', role: 'admin', token: TOKEN }],
      hosts: ['Admin.Example'],
      tokenFolder: folder,
      version: '1.2.3',
    },
    {
      clock,
      log: new ThreadLog('info', (record) => records.push(record)),
      control: controlWith(changes),
    },
  );
  await server.start();
  return {
    server,
    clock,
    records,
    port: server.address?.port ?? 0,
    api: (path: string, method = 'GET', headers = {}) =>
      ask(server.address?.port ?? 0, path, { method, token: TOKEN, headers }),
    async [Symbol.asyncDispose]() {
      await server.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

t.test('before the configuration is in force: later, not "no such pool"', async (t) => {
  await using admin = await opened({ life: 'starting', generation: 0 });
  for (const [method, path] of [
    ['GET', '/api/v1/pools'],
    ['GET', '/api/v1/pools/web'],
    ['GET', '/api/v1/pools/web/servers'],
    ['POST', '/api/v1/pools/web/servers/x/actions/drain'],
    ['POST', '/api/v1/reload'],
  ] as const) {
    const answer = await admin.api(path, method);
    t.match(answer, { status: 503, body: { code: 'starting' } }, path);
    t.equal(answer.headers['retry-after'], '1');
  }
  t.match(await admin.api('/api/v1/snapshot'), { status: 200, body: { pools: [], version: '1.2.3' } });
});

t.test('a name that is configured', async (t) => {
  await using admin = await opened();
  t.equal((await admin.api('/healthz', 'GET', { host: 'admin.example:9900' })).status, 200);
});

t.test('whatever part refuses a reload, it is the file that was refused', async (t) => {
  const refused = new SluiceError('tls_key_mismatch', 'the key does not fit', { hint: 'Take the other.' });
  await using admin = await opened({ reload: () => Promise.reject(refused) });
  t.match(await admin.api('/api/v1/reload', 'POST'), {
    status: 422,
    body: { code: 'config_refused', detail: 'the key does not fit', hint: 'Take the other.' },
  });
});

t.test('without a file there is nothing to reload', async (t) => {
  const none = new SluiceError('no_reload', 'no file');
  await using admin = await opened({ reload: () => Promise.reject(none) });
  t.match(await admin.api('/api/v1/reload', 'POST'), { status: 409, body: { code: 'no_reload' } });
});

t.test('a fault of ours: 500, the stack in the log alone', async (t) => {
  await using admin = await opened({ reload: () => Promise.reject(new Error('inner words')) });
  const answer = await admin.api('/api/v1/reload', 'POST');
  t.match(answer, { status: 500, body: { code: 'internal' } });
  t.notMatch(answer.text, 'inner words');
  t.match(
    admin.records.filter((record) => record.level === 'error'),
    [
      {
        message: 'the admin API failed',
        fields: { path: '/api/v1/reload', error: { stack: /inner words/ } },
      },
    ],
  );
});

t.test('an answer that breaks its own schema is a fault of ours too', async (t) => {
  await using admin = await opened({ threads: -1 });
  t.match(await admin.api('/api/v1/snapshot'), { status: 500, body: { code: 'internal' } });
});

t.test('the stop waits for an answer under way, but not for ever', async (t) => {
  const asked = Promise.withResolvers<void>();
  await using admin = await opened({
    reload: () => {
      asked.resolve();
      return new Promise(() => {});
    },
  });
  const hanging = admin.api('/api/v1/reload', 'POST');
  hanging.catch(() => {});
  await asked.promise;
  let isStopped = false;
  const stopped = admin.server.stop().then(() => {
    isStopped = true;
  });
  while (admin.clock.pending === 0) await new Promise(setImmediate);
  t.equal(isStopped, false);
  await admin.clock.run(2000);
  await stopped;
  await t.rejects(hanging, { code: 'ECONNRESET' });
  t.equal(admin.clock.pending, 0);
});

t.test('start and stop in any order, more than once', async (t) => {
  const admin = await opened();
  await admin.server.start();
  await Promise.all([admin.server.stop(), admin.server.stop()]);
  t.equal(admin.server.address, undefined);
  await t.rejects(admin.server.start(), /cannot start again/);
  const socket = connect(admin.port, '127.0.0.1');
  const [error] = await once(socket, 'error');
  t.equal(error.code, 'ECONNREFUSED');
  await admin[Symbol.asyncDispose]();
});
