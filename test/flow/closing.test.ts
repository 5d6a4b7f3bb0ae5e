/** How a connection ends that its client asked to be closed: no byte of the answer may be lost to what still comes. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { overWires } from '../support/wires.ts';

const test = overWires(t);
const BODY = 'x'.repeat(200_000);

/** Reads nothing until the exchange is over, then sends `late`, then reads all. */
async function readLate(
  proxied: {
    daemon: { port(): number; folder: string; until(what: string, holds: () => boolean): Promise<void> };
  },
  request: string,
  late: string,
): Promise<string> {
  const { daemon } = proxied;
  const client = connect({ port: daemon.port(), host: '127.0.0.1' });
  await once(client, 'connect');
  client.pause();
  client.write(request);
  const log = join(daemon.folder, 'access.log');
  await daemon.until('the exchange is over', () => readFileSync(log, 'utf8').includes('"status":200'));
  client.write(late);
  let answer = '';
  client.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  client.on('error', () => {});
  client.resume();
  await once(client, 'close');
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

const cases = [
  [
    'behind a body',
    'POST / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
    '\r\n',
  ],
  [
    'behind a large answer',
    'GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n',
    'GET /2 HTTP/1.1\r\n\r\n',
  ],
  ['to HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', '\r\n'],
] as const;

for (const [name, request, late] of cases)
  test(`bytes too many ${name}`, async (t, wire) => {
    await using proxied = await wire.start();
    proxied.server.answerAll(() => `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`);
    t.ok((await readLate(proxied, request, late)) === BODY, 'the whole answer');
  });

test('a small answer is followed by the end at once', async (t, wire) => {
  await using proxied = await wire.start();
  proxied.server.answerAll(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  const client = await proxied.client();
  client.write('GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n');
  const answer = await client.answer();
  t.equal(answer.body, 'ok');
  await client.ended();
  t.equal(client.unread, '');
});
