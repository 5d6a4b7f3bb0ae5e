/** A split over pools: clients stay on their side, over reloads too; the log says which. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { get, ok, RawServer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('clients are shared out and stay where they are', async (t) => {
  await using next = await RawServer.open('next');
  next.answerAll(() => ok('next'));
  const pools = (web: RawServer) => ({
    web: { servers: [web.address], health: false as const },
    next: { servers: [next.address], health: false as const },
  });
  const routes = (web: number, other: number) => [
    { name: 'canary', split: { web, next: other }, split_by: 'header:x-user' },
  ];
  await using web = await RawServer.open('web');
  web.answerAll(() => ok('web'));
  await using proxied = await Proxied.start({ file: { routes: routes(50, 50), pools: pools(web) } }, 0);
  const client = await proxied.client();
  const sidesOf = async (): Promise<string[]> => {
    const sides: string[] = [];
    for (let user = 0; user < 40; user++)
      sides.push((await client.ask(get('/', `X-User: u${user}\r\n`))).body);
    return sides;
  };
  const before = await sidesOf();
  t.same([...new Set(before)].sort(), ['next', 'web']);
  t.same(await sidesOf(), before);
  const input = (first: number, second: number) => ({
    listeners: { http: { address: '127.0.0.1', port: 0 } },
    routes: routes(first, second),
    pools: pools(web),
  });
  await proxied.daemon.reload(input(50, 100));
  const more = await sidesOf();
  t.ok(more.every((side, user) => side === before[user] || side === 'next'));
  await proxied.daemon.reload(input(50, 50));
  t.same(await sidesOf(), before, 'back where they were');
  await proxied.daemon.reload(input(1, 0));
  t.same(new Set(await sidesOf()), new Set(['web']));
  // Without the field by the client's address: always the same.
  const plain = new Set<string>();
  for (let i = 0; i < 5; i++) plain.add((await client.ask(get('/'))).body);
  t.equal(plain.size, 1);
  const log = join(proxied.daemon.folder, 'access.log');
  await proxied.daemon.until('the log', () => /"pool":"next"/.test(readFileSync(log, 'utf8')));
  t.match(readFileSync(log, 'utf8'), /"route":"canary","pool":"web"/);
});
