/**
 * A refusal in the place of a server's answer that failed before it had left, larger than the client takes at once: what stood
 * between the server and the client is out of its way.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { H2Client } from '../support/h2-client.ts';
import { get, Peer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';
import { overWires } from '../support/wires.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-large-refusals-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const LARGE = `<p>${'sorry '.repeat(170_000)}</p>`;
const page = join(folder, 'page.html');
writeFileSync(page, LARGE);

type Route = NonNullable<FileInput['routes']>[number];
const BETWEEN: Readonly<Record<string, Partial<Route>>> = {
  nothing: {},
  compressed: { compress: { types: ['text/*'], min_size: '1B' } },
  buffered: { buffering: { response: '64KiB' } },
  'compressed and buffered': {
    compress: { types: ['text/*'], min_size: '1B' },
    buffering: { response: '64KiB' },
  },
  'replaced by a page': { error_pages: { 500: { file: page, intercept: true }, 502: page } },
};

/** In one piece: nothing of it has left when it is found to be wrong. */
const NONSENSE = 'HTTP/1.1 500 So\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';

const fileOf = (rule: Partial<Route>): Partial<FileInput> => ({
  error_pages: { 502: page },
  routes: [{ name: 'all', pool: 'web', ...rule }] as Route[],
});

for (const [what, rule] of Object.entries(BETWEEN)) {
  overWires(t)(`${what}`, async (t, wire) => {
    await using proxied = await wire.start({ file: fileOf(rule) });
    const client = await proxied.client();
    client.socket.pause();
    client.write(get('/', 'Accept: text/html\r\nAccept-Encoding: gzip\r\n'));
    const server = await proxied.server.accept();
    await server.request();
    server.write(NONSENSE);
    await server.ended();
    client.socket.resume();
    const answer = await client.answer();
    t.equal(answer.status, 502);
    t.ok(answer.body === LARGE, 'the whole page and nothing else');
  });
  t.test(`${what}, HTTP/2`, async (t) => {
    await using proxied = await Proxied.start({ file: fileOf(rule), listener: { h2c: true } });
    await using client = await H2Client.open(proxied.daemon.port());
    const asked = client.ask({ ':path': '/', accept: 'text/html', 'accept-encoding': 'gzip' });
    const server = await proxied.server.accept();
    await server.request();
    server.write(NONSENSE);
    const answer = await asked;
    t.equal(answer.status, 502);
    t.ok(answer.body.toString() === LARGE, 'the whole page and nothing else');
  });
}

overWires(t)('a client that sends all before it reads gets all of a large refusal', async (t, wire) => {
  const page413 = { error_pages: { 413: page } };
  // The buffers of a Unix socket take less than the page.
  const path = join(folder, `${wire.name}.sock`);
  const listener = { address: `unix:${path}`, port: undefined, limits: { max_body_size: '1MiB' } };
  await using _proxied = await wire.start({ listener, file: page413 });
  await using client = await Peer.connect(path);
  client.socket.pause();
  const head = 'Host: t.example\r\nAccept: text/html\r\nTransfer-Encoding: chunked\r\n\r\n4000000\r\n';
  client.write(`POST / HTTP/1.1\r\n${head}`);
  for (let i = 0; i < 40; i++)
    await new Promise((resolve) => client.socket.write(Buffer.alloc(2 ** 20), resolve));
  client.socket.resume();
  const answer = await client.answer();
  t.equal(answer.status, 413);
  t.ok(answer.body === LARGE, 'the whole page');
});
