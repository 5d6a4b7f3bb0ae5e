/** The verbs that ask a running daemon. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { FakeContext, sluice } from '../support/cli-context.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function configText(admin: number, server = '127.0.0.1:1'): string {
  return `threads: 1
admin: { listen: "127.0.0.1:${admin}" }
listeners: { web: { address: 127.0.0.1, port: 0 } }
routes: [{ name: all, pool: web }]
pools: { web: { servers: ["${server}", { address: "127.0.0.1:2", id: two, weight: 0 }], health: false } }
`;
}

t.test('status, health and reload of a daemon that is found by its file', async (t) => {
  const port = await freePort();
  const folder = t.testdir({ 'sluice.yaml': configText(port) });
  const file = join(folder, 'sluice.yaml');
  await using daemon = new SluiceProcess(['run'], { cwd: folder });
  await daemon.message('ready');
  const ask = (...args: string[]) => sluice([...args, '-c', file], new FakeContext(folder));

  t.match(await ask('health'), { code: 0, stdout: 'ready\n' });

  const status = await ask('status');
  t.equal(status.code, 0, status.stderr);
  t.match(status.stdout, new RegExp(`pid ${daemon.pid}: ready for \\d+ s, 1 data threads`));
  t.match(status.stdout, /listener web {2}http on 127\.0\.0\.1:\d+\n/);
  t.match(
    status.stdout,
    /\n {2}127\.0\.0\.1:1 +healthy +1 +0 +0 +0 +-\n {2}two \(127\.0\.0\.1:2\) +healthy +0 /,
  );
  t.match(JSON.parse((await ask('status', '--json')).stdout), { pid: daemon.pid, pools: [{ name: 'web' }] });

  t.match(await ask('reload'), { code: 0, stdout: /says what is in force already/ });
  writeFileSync(file, configText(port, '127.0.0.1:3').replace('threads: 1', 'threads: 2'));
  const changed = await ask('reload');
  t.equal(changed.code, 0, changed.stderr);
  t.match(
    changed.stdout,
    /^In force, generation \d+:\n\+ server web 127\.0\.0\.1:3\n- server web 127\.0\.0\.1:1\n/,
  );
  t.match(changed.stdout, '~ threads (takes effect after a restart)');
  await daemon.message('reloaded');

  // A file with mistakes cannot say where the daemon is: name it.
  writeFileSync(file, `${configText(port)}bad: 1\n`);
  const context = new FakeContext(folder);
  context.env = { SLUICE_ADMIN_URL: `http://127.0.0.1:${port}` };
  const refused = await sluice(['reload'], context);
  t.equal(refused.code, 2);
  t.match(
    refused.stderr,
    /sluice\.yaml:6:1 +error +unknown key "bad"[\s\S]*1 error, 0 warnings\. The running/,
  );
  const json = new FakeContext(folder);
  json.env = context.env;
  t.match(JSON.parse((await sluice(['reload', '--json'], json)).stdout), { ok: false, errors: 1 });
});

t.test('tokens: of the file, of the environment, wrong ones', async (t) => {
  const port = await freePort();
  const secret = 'a-token-of-the-file-0123456789';
  const text = `${configText(port).replace('" }', `", tokens: [{ name: ops, role: admin, token: ${secret} }] }`)}`;
  const folder = t.testdir({ 'sluice.yaml': text });
  await using daemon = new SluiceProcess(['run'], { cwd: folder });
  await daemon.message('ready');
  const url = `http://127.0.0.1:${port}`;
  const ask = (env: Record<string, string>, ...args: string[]) => {
    const context = new FakeContext(t.testdirName);
    context.cwd = '/';
    context.env = env;
    return sluice(args, context);
  };
  t.match(await ask({}, 'status', '-c', join(folder, 'sluice.yaml')), { code: 0 });
  t.match(await ask({ SLUICE_ADMIN_TOKEN: secret }, 'status', '--admin', url), { code: 0 });
  t.match(await ask({}, 'status', '--admin', url, '--token', secret), { code: 0 });
  t.match(await ask({}, 'status', '--admin', url), {
    code: 1,
    stderr: /the daemon answered 401[\s\S]*Give the token by --token or SLUICE_ADMIN_TOKEN/,
  });
  t.match(await ask({}, 'status', '--admin', url, '--token', 'wrong'), {
    code: 1,
    stderr: /401: .*not known/,
  });
  t.match(await ask({}, 'health', '--admin', url), { code: 0 }, 'health needs none');
});

t.test('no daemon', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`;
  t.match(await sluice(['status', '--admin', url]), {
    code: 1,
    stderr: /nothing listens there[\s\S]*--admin URL/,
  });
  t.match(await sluice(['health', '--admin', url]), { code: 1, stdout: /nothing listens there/ });
});
