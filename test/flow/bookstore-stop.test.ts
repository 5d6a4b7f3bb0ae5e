/** How a bookstore process ends: politely, when it cannot start, and when its parent is gone. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { errorCode } from '../../src/kernel/errors.ts';
import { spawnBookstore, startBookstore } from '../support/bookstore-process.ts';

/** Connects until it is refused: the port is closed. */
async function untilRefused(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.destroy();
    } catch (error) {
      if (errorCode(error) === 'ECONNREFUSED') return;
      if (errorCode(error) !== 'ECONNRESET') throw error;
    }
  }
}

/** Collects what comes, and tells when a text has come. */
function reading(socket: Socket): { until: (text: string) => Promise<void>; text: () => string } {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  const until = async (wanted: string) => {
    while (!text.includes(wanted)) await once(socket, 'data');
  };
  return { until, text: () => text };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal}: requests in flight are answered, the port is closed, exit 0`, async (t) => {
    const dir = t.testdir();
    const db = join(dir, 'shop.db');
    await using shop = await startBookstore(['--db', db]);

    const idle = connect(shop.port, '127.0.0.1');
    const idleAnswer = reading(idle);
    idle.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await idleAnswer.until('"ok"');
    t.match(idleAnswer.text(), /Keep-Alive: timeout=120/);

    const upload = connect(shop.port, '127.0.0.1');
    const uploadAnswer = reading(upload);
    upload.write(
      'POST /books/1/restock HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 14\r\nExpect: 100-continue\r\n\r\n',
    );
    await uploadAnswer.until('100 Continue');

    const download = connect(shop.port, '127.0.0.1');
    download.write('GET /big?bytes=50000000 HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(download, 'readable');

    shop.child.kill(signal);
    await once(idle, 'close');
    await untilRefused(shop.port);
    upload.write('{"quantity":1}');
    await once(upload, 'close');
    t.match(uploadAnswer.text(), /HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*connection: close\r\n/i);

    let sizeBytes = 0;
    download.on('data', (chunk) => {
      sizeBytes += chunk.length;
    });
    await once(download, 'close');
    t.ok(sizeBytes > 50_000_000, 'a download that had begun is complete');
    t.strictSame(await shop.ended, { code: 0, signal: null, stderr: '' });
    t.equal(existsSync(`${db}-wal`), false, 'the database was closed');
  });
}

t.test('a taken port is an error that says so', async (t) => {
  await using shop = await startBookstore(['--db', join(t.testdir(), 'shop.db')]);
  const { ended } = spawnBookstore([], { PORT: String(shop.port), DB: ':memory:' });
  const { code, stderr } = await ended;
  t.equal(code, 1);
  t.match(JSON.parse(stderr), {
    event: 'error',
    message: `cannot listen on 127.0.0.1:${shop.port}`,
    hint: /PORT/,
  });
});

t.test('wrong options', async (t) => {
  for (const [args, message] of [
    [['--port', '70000'], /'70000' is not a port/],
    [['--port', 'x'], /'x' is not a port/],
    [['--name', 'a\nb'], /header field/],
    [['--colour', 'red'], /--colour/],
  ] as const) {
    const { code, stderr } = await spawnBookstore([...args]).ended;
    t.equal(code, 1);
    t.match(JSON.parse(stderr).message, message);
  }
  t.equal((await spawnBookstore(['--help']).ended).code, 0);
});

t.test('environment variables, and options over them', async (t) => {
  const env = { PORT: '0', DB: ':memory:', NAME: 'from-env', HOST: '127.0.0.1', BOOKSTORE_FAULTS: '1' };
  await using one = await startBookstore([], env);
  t.equal(one.name, 'from-env');
  await using two = await startBookstore(['--name', 'from-option'], env);
  t.equal(two.name, 'from-option');
  const answer = await fetch(`${two.url}/faults`);
  t.strictSame([answer.status, answer.headers.get('x-server')], [200, 'from-option']);
});

t.test('a server whose parent is gone goes too, whatever it is doing', async (t) => {
  await using shop = await startBookstore(['--db', ':memory:']);
  const socket = connect(shop.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n');
  await reading(socket).until('100 Continue');
  // What the kernel does to the pipe when the parent dies.
  shop.child.stdio[3]?.destroy();
  t.strictSame(await shop.ended, { code: 0, signal: null, stderr: '' });
});
