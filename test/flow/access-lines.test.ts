/** Whatever came of a request, it leaves one line in the access log. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { get, ok } from '../support/peer.ts';
import { RAW } from '../support/wires.ts';

interface Line {
  readonly target: string;
  readonly status: number;
  readonly reason: string;
}

t.test('one line for each request, bad, refused and left ones too (B62)', async (t) => {
  await using proxied = await RAW.start({
    file: {
      routes: [
        { name: 'own', match: { path: '/own' }, respond: 204 },
        { name: 'web', match: { path: '/web/*' }, pool: 'web' },
      ],
    },
  });
  const { daemon } = proxied;
  const path = join(daemon.folder, 'access.log');
  const lines = (): Line[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  const ask = async (text: string): Promise<void> => {
    const client = await proxied.client();
    client.write(text);
    await client.answer();
    client.end();
  };
  await ask(get('/own'));
  await ask(get('/nowhere'));
  await ask('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  await ask(`GET /${'x'.repeat(10_000)} HTTP/1.1\r\nHost: t\r\n\r\n`);
  const leaving = await proxied.client();
  leaving.write(get('/web/left'));
  const server = await proxied.server.accept();
  await server.request();
  leaving.reset();
  await server.ended();
  const broken = await proxied.client();
  broken.write(get('/web/broken'));
  const failing = await proxied.server.accept();
  await failing.request();
  failing.write('no answer at all\r\n\r\n');
  t.equal((await broken.answer()).status, 502);
  proxied.server.answerAll(() => ok());
  await ask(get('/web/fine'));
  await daemon.until('every line is written', () => lines().length >= 7);
  const seen = lines().map(({ target, status, reason }) => `${target.slice(0, 12)} ${status} ${reason}`);
  t.same(seen.sort(), [
    ' 400 bad_request',
    ' 414 target_too_long',
    '/nowhere 404 no_route',
    '/own 204 respond',
    '/web/broken 502 bad_upstream',
    '/web/fine 200 ok',
    '/web/left 499 client_abort',
  ]);
});
