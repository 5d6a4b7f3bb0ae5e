/** A data thread keeps connections to a few servers of a large pool, and to others when those leave. */
import t from 'tap';
import { get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('requests keep to the subset, and to the next server when one is drained', async (t) => {
  await using proxied = await Proxied.start({ pool: { subset: 2 }, file: { threads: 1 } }, 8);
  for (const server of proxied.servers) server.answerAll(() => ok(server.address));
  const client = await proxied.client();
  const answered = async (count: number): Promise<string[]> => {
    const who = new Set<string>();
    for (let i = 0; i < count; i++) who.add((await client.ask(get('/'))).body);
    return [...who];
  };
  const kept = await answered(20);
  t.equal(kept.length, 2);
  const connected = (): string[] =>
    proxied.servers.filter((it) => it.connections > 0).map((it) => it.address);
  t.same(connected().sort(), [...kept].sort());
  const [leaves = '', stays = ''] = kept;
  await proxied.daemon.daemon.changeServer('web', leaves, { maintenance: true }, 'test');
  const after = await answered(20);
  t.equal(after.length, 2);
  t.ok(after.includes(stays), 'the other stays');
  t.notOk(after.includes(leaves));
  t.equal(connected().length, 3);
  await proxied.daemon.daemon.changeServer('web', leaves, { maintenance: false }, 'test');
  t.same((await answered(20)).sort(), [...kept].sort(), 'and it comes back to its place');
  t.equal(connected().length, 3);
});
