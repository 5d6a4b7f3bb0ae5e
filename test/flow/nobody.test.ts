/** Nobody can serve: 503 at once with Retry-After; and the first server that is there again takes over. */
import t from 'tap';
import { fieldOf, get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('all unhealthy, then one healthy (B26)', async (t) => {
  await using proxied = await Proxied.start(
    {
      pool: {
        health: { type: 'tcp', interval: '1s', timeout: '1s', rise: 1, fall: 1 },
      },
    },
    2,
  );
  const { daemon } = proxied.daemon;
  for (const server of proxied.servers) server.answerAll(() => ok('here'));
  const client = await proxied.client();
  t.equal((await client.ask(get('/'))).status, 200);
  for (const { address } of proxied.servers)
    await daemon.changeServer('web', address, { maintenance: true }, 'test');
  const answer = await client.ask(get('/'));
  t.equal(answer.status, 503);
  t.equal(JSON.parse(answer.body).code, 'no_server');
  t.match(fieldOf(answer, 'retry-after'), /^[1-9]\d*$/);
  t.equal(fieldOf(answer, 'cache-control'), 'no-store');
  await daemon.changeServer('web', proxied.server.address, { maintenance: false }, 'test');
  t.equal((await client.ask(get('/'))).status, 200, 'on the same connection');
});

t.test('drained servers take no new clients; weight 0 neither', async (t) => {
  await using proxied = await Proxied.start({}, 3);
  const { daemon } = proxied.daemon;
  for (const [i, server] of proxied.servers.entries()) server.answerAll(() => ok(`${i}`));
  const client = await proxied.client();
  const [first, second] = proxied.servers.map((it) => it.address) as [string, string];
  await daemon.changeServer('web', first, { draining: true }, 'test');
  await daemon.changeServer('web', second, { weight: 0 }, 'test');
  for (let i = 0; i < 6; i++) t.equal((await client.ask(get('/'))).body, '2');
  await daemon.changeServer('web', first, { draining: false }, 'test');
  const seen = new Set<string>();
  for (let i = 0; i < 6; i++) seen.add((await client.ask(get('/'))).body);
  t.same([...seen].sort(), ['0', '2']);
});

t.test('backups serve when no primary can (B24)', async (t) => {
  await using proxied = await Proxied.start({}, 1);
  await using backup = await Proxied.start({}, 1);
  backup.server.answerAll(() => ok('backup'));
  proxied.server.answerAll(() => ok('primary'));
  const { daemon } = proxied.daemon;
  await daemon.addServer('web', {
    id: 'b',
    host: '127.0.0.1',
    port: backup.server.port,
    weight: 1,
    backup: true,
    maxConnections: 0,
    maintenance: false,
  });
  const client = await proxied.client();
  t.equal((await client.ask(get('/'))).body, 'primary');
  await daemon.changeServer('web', proxied.server.address, { maintenance: true }, 'test');
  t.equal((await client.ask(get('/'))).body, 'backup');
});
