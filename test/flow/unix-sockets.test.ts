/** Unix sockets on both sides: listeners with their file, servers with their checks. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { AdminFixture, webOf } from '../support/admin-fixture.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { fieldOf, get, ok, Peer, RawServer } from '../support/peer.ts';
import { v1 } from '../support/proxy-header.ts';

type Listener = NonNullable<FileInput['listeners']>[string];

/** One Unix listener `local` before one server. */
function fileOf(
  path: string,
  servers: readonly string[],
  listener: Partial<Listener> = {},
  more = {},
): FileInput {
  return {
    listeners: { local: { address: `unix:${path}`, ...listener } },
    routes: [{ pool: 'web' }],
    pools: { web: { servers: [...servers], health: false } },
    ...more,
  };
}

/** Answers with what a server is told of the client. */
function telling(server: RawServer): void {
  server.answerAll((request) =>
    ok(
      ['host', 'x-forwarded-for', 'x-real-ip', 'x-forwarded-port', 'forwarded']
        .map((it) => fieldOf(request, it))
        .join(' | '),
    ),
  );
}

/** What a request over this socket is answered with. */
async function asked(path: string, fields = '', tls = false): Promise<string> {
  await using client = await Peer.connect(path, { tls });
  return (await client.ask(get('/', fields))).body;
}

/** Paths of sockets are short. */
function shortFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sl-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const logOf = (daemon: DaemonFixture): string => readFileSync(join(daemon.folder, 'log'), 'utf8');

t.test('a listener on a path: reached, owned, removed at the stop', async (t) => {
  const path = join(shortFolder(t), 'web.sock');
  await using server = await RawServer.open();
  telling(server);
  const daemon = await DaemonFixture.start(
    fileOf(path, [server.address], { socket: { mode: '0600', group: '0' } }),
  );
  try {
    const { mode, gid } = lstatSync(path);
    t.equal((mode & 0o777).toString(8), '600');
    t.equal(gid, 0);
    t.same(readdirSync(join(path, '..')), ['web.sock'], 'nothing beside it');
    t.equal(await asked(path), 't.example |  |  |  | for=unknown;host=t.example;proto=http');
    t.match(logOf(daemon), `local unix:${path}`, 'named in the log');
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
  t.notOk(existsSync(path));
});

t.test('one thread has it, and its heir takes it over', async (t) => {
  const path = join(shortFolder(t), 'web.sock');
  await using server = await RawServer.open();
  telling(server);
  await using daemon = await DaemonFixture.start(fileOf(path, [server.address], {}, { threads: 3 }));
  for (let i = 0; i < 6; i++) t.match(await asked(path), /^t\.example/);
  const { ino } = lstatSync(path);
  for (let thread = 0; thread < 3; thread++) {
    const replaced = new Promise<void>((resolve) => daemon.daemon.events.on('thread_start', () => resolve()));
    await daemon.daemon.killThread(thread);
    await replaced;
  }
  await daemon.until('the heir has put its own in the place', () => lstatSync(path).ino !== ino);
  t.match(await asked(path), /^t\.example/);
});

t.test('what a killed daemon left is replaced; what is in use, or no socket, is left alone', async (t) => {
  const folder = shortFolder(t);
  writeFileSync(join(folder, 'a.file'), 'precious');
  const stale = join(folder, 'stale.sock');
  // Closing removes the file, so it is bound under another name.
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(join(folder, 'other.sock'), resolve));
  renameSync(join(folder, 'other.sock'), stale);
  await new Promise((resolve) => dead.close(resolve));
  t.ok(lstatSync(stale).isSocket());
  await using server = await RawServer.open();
  telling(server);
  {
    await using daemon = await DaemonFixture.start(fileOf(stale, [server.address]));
    t.match(await asked(stale), /^t\.example/);
    t.equal((lstatSync(stale).mode & 0o777).toString(8), '660', 'the default');
    await t.rejects(DaemonFixture.start(fileOf(stale, [server.address])), {
      code: 'socket_taken',
      message: /another program listens on/,
    });
    t.match(await asked(stale), /^t\.example/, 'the first one is still there');
    t.ok(daemon.daemon.isReady);
  }
  await t.rejects(DaemonFixture.start(fileOf(join(folder, 'a.file'), [server.address])), {
    code: 'socket_taken',
    message: /is a file already, and not a socket/,
  });
  t.equal(readFileSync(join(folder, 'a.file'), 'utf8'), 'precious');
  await t.rejects(DaemonFixture.start(fileOf(join(folder, 'none', 'a.sock'), [server.address])), {
    code: 'listen_failed',
    message: /the folder .* does not exist/,
  });
  const group = fileOf(join(folder, 'g.sock'), [server.address], { socket: { group: 'no-such-group' } });
  await t.rejects(DaemonFixture.start(group), { code: 'no_group', message: /no group "no-such-group"/ });
  t.same(readdirSync(folder), ['a.file'], 'nothing is left behind');
});

t.test('reloads: kept, changed without a gap, moved, refused', async (t) => {
  const folder = shortFolder(t);
  const path = join(folder, 'web.sock');
  await using server = await RawServer.open();
  telling(server);
  await using daemon = await DaemonFixture.start(fileOf(path, [server.address]));
  await using kept = await Peer.connect(path);
  await kept.ask(get());
  const first = lstatSync(path).ino;
  await daemon.reload(fileOf(path, [server.address], { limits: { max_fields: 50 } }));
  t.equal(lstatSync(path).ino, first, 'kept');
  t.equal((await kept.ask(get())).status, 200);
  await daemon.reload(fileOf(path, [server.address], { socket: { mode: '0666' } }));
  t.equal((lstatSync(path).mode & 0o777).toString(8), '666');
  t.match(await asked(path), /^t\.example/, 'another file at the same path');
  const broken = fileOf(path, [server.address], { socket: { mode: '0600' } }, {});
  writeFileSync(join(folder, 'blocked'), '');
  const refused = {
    ...broken,
    listeners: { ...broken.listeners, other: { address: `unix:${join(folder, 'blocked')}` } },
  };
  await t.rejects(daemon.reload(refused), { code: 'socket_taken' });
  t.equal((lstatSync(path).mode & 0o777).toString(8), '666', 'a refused reload touches nothing');
  t.match(await asked(path), /^t\.example/);
  const moved = join(folder, 'moved.sock');
  await daemon.reload(fileOf(moved, [server.address]));
  await daemon.until('the old one is gone', () => !existsSync(path));
  t.match(await asked(moved), /^t\.example/);
  t.same(readdirSync(folder).sort(), ['blocked', 'moved.sock']);
});

t.test('TLS and the PROXY protocol over a socket; who is behind it', async (t) => {
  const path = join(shortFolder(t), 'web.sock');
  await using server = await RawServer.open();
  telling(server);
  const tls = { certificates: ['local'] };
  const more = { certificates: { local: { self_signed: ['localhost'] } } };
  const lie = 'X-Forwarded-For: 203.0.113.9\r\n';
  {
    await using daemon = await DaemonFixture.start(fileOf(path, [server.address], { tls }, more));
    t.match(
      await asked(path, lie, true),
      /for=unknown;host=t\.example;proto=https$/,
      'nobody trusts it by itself',
    );
    await daemon.reload(fileOf(path, [server.address], { tls, trusted_proxies: ['unix'] }, more));
    t.match(await asked(path, lie, true), /^t\.example \| 203\.0\.113\.9 \| 203\.0\.113\.9 /);
  }
  const proxied: Partial<Listener> = {
    trusted_proxies: 'unix',
    proxy_protocol: 'required',
    ip_allow: ['203.0.113.0/24'],
  };
  await using daemon = await DaemonFixture.start(fileOf(path, [server.address], proxied));
  await using client = await Peer.connect(path);
  client.write(v1());
  t.match((await client.ask(get())).body, /^t\.example \| 203\.0\.113\.7 \| 203\.0\.113\.7 \| 443 /);
  await using denied = await Peer.connect(path);
  denied.write(v1('198.51.100.1') + get());
  t.equal(await denied.rest(), '');
  await daemon.daemon.stop();
  t.match(readFileSync(join(daemon.folder, 'access.log'), 'utf8'), /"client_ip":"203\.0\.113\.7"/);
});

t.test('servers at paths: requests, bodies, Host, retries, WebSockets’ neighbours', async (t) => {
  const folder = shortFolder(t);
  await using server = await RawServer.open('server', join(folder, 'a.sock'));
  telling(server);
  const listeners = { http: { address: '127.0.0.1', port: 0 } };
  const dead = `unix:${join(folder, 'dead.sock')}`;
  const input = fileOf(
    '',
    [],
    {},
    {
      listeners,
      pools: {
        web: {
          servers: [server.address, dead],
          algorithm: 'round_robin',
          health: false,
          upstream: { host: 'server' },
        },
      },
    },
  );
  await using daemon = await DaemonFixture.start(input);
  for (let i = 0; i < 4; i++) {
    await using client = await Peer.connect(daemon.port());
    const answer = await client.ask(get());
    t.match(
      answer.body,
      /^localhost \| 127\.0\.0\.1 /,
      'a path is no Host; the next server when nobody listens',
    );
  }
  await using client = await Peer.connect(daemon.port());
  const body = 'x'.repeat(300_000);
  t.equal(
    (await client.ask(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`)).status,
    200,
  );
  t.equal(
    daemon.daemon.registry.server('web', server.address).address,
    server.address,
    'its id is its address',
  );
});

t.test('servers at paths: checks by tcp and http', async (t) => {
  for (const health of ['tcp', { path: '/healthz' }] as const) {
    const folder = shortFolder(t);
    const path = join(folder, 'a.sock');
    const server = await RawServer.open('server', path);
    server.answerAll((request) => ok(fieldOf(request, 'host') ?? ''));
    const pool = {
      servers: [`unix:${path}`],
      health: typeof health === 'string' ? health : { ...health, interval: '100ms', fall: 1 },
    };
    const listeners = { http: { address: '127.0.0.1', port: 0 } };
    await using daemon = await DaemonFixture.start(fileOf('', [], {}, { listeners, pools: { web: pool } }));
    const state = (): string | undefined => daemon.daemon.registry.servers('web')[0]?.state;
    await daemon.until('healthy', () => state() === 'healthy');
    await server[Symbol.asyncDispose]();
    await daemon.daemon.checkServer('web', `unix:${path}`);
    if (health !== 'tcp') await daemon.until('unhealthy', () => state() === 'unhealthy');
  }
});

t.test('the API adds a server at a path, for admins', async (t) => {
  const folder = shortFolder(t);
  await using server = await RawServer.open('server', join(folder, 'a.sock'));
  telling(server);
  const tokens = [
    { name: 'boss', role: 'admin', token: 'a-token-of-an-admin-0123456789' },
    { name: 'ops', role: 'operator', token: 'a-token-of-an-operator-0123456' },
  ];
  await using sluice = await AdminFixture.start(
    webOf(
      ['127.0.0.1:9'],
      {},
      {
        admin: { listen: '127.0.0.1:0', tokens },
        listeners: { plain: { address: `unix:${join(folder, 'in.sock')}` } },
      },
    ),
  );
  const add = (token: string) =>
    sluice.api('/api/v1/pools/web/servers', { method: 'POST', token, body: { address: server.address } });
  t.match(await add(tokens[1]?.token as string), {
    status: 403,
    body: { code: 'forbidden_role', hint: /role admin/ },
  });
  const added = await add(tokens[0]?.token as string);
  t.match(added, { status: 201, body: { server: { id: server.address, address: server.address } } });
  const token = tokens[0]?.token as string;
  await sluice.api('/api/v1/pools/web/servers/127.0.0.1:9', { method: 'DELETE', token });
  t.match(await asked(join(folder, 'in.sock')), /^t\.example/);
  const one = await sluice.api(added.headers.location as string, { token });
  t.match(one, { status: 200, body: { id: server.address } });
  const { body } = await sluice.api('/api/v1/snapshot', { token });
  t.match(body.listeners, [{ name: 'plain', address: `unix:${join(folder, 'in.sock')}`, port: 0 }]);
});

t.test(
  'a folder that nobody may write to',
  { skip: process.getuid?.() === 0 && 'root may write everywhere' },
  async (t) => {
    const folder = join(shortFolder(t), 'closed');
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    await t.rejects(DaemonFixture.start(fileOf(join(folder, 'a.sock'), ['127.0.0.1:9'])), /EACCES/);
  },
);

t.test('the one-pool form on a path', async (t) => {
  const path = join(shortFolder(t), 'web.sock');
  await using server = await RawServer.open();
  telling(server);
  const input: FileInput = { listen: `unix:${path}`, servers: [server.address], health: false };
  await using _daemon = await DaemonFixture.start(input);
  t.match(await asked(path), /^t\.example/);
});
