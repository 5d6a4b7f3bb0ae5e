/** What takes the place of Node's own tables of streams: a Map and a Set to whoever uses them, and Node uses them. */
import { once } from 'node:events';
import { connect, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { replaceStreamTables, StreamMap, StreamSet } from '../../../src/http2/node-streams.ts';
import { SeededRandom } from '../../../src/kernel/random.ts';

t.test('a Map', async (t) => {
  const random = new SeededRandom(1);
  const map = new StreamMap<{ n: number }>();
  const model = new Map<number, { n: number }>();
  for (let step = 0; step < 3000; step++) {
    const id = random.below(10);
    const value = { n: step };
    if (random.below(2) === 0) {
      map.set(id, value);
      model.set(id, value);
    } else if (map.delete(id) !== model.delete(id)) t.fail(`step ${step}: delete`);
    if (map.size !== model.size || map.get(id) !== model.get(id) || map.has(id) !== model.has(id))
      t.fail(`step ${step}: not the same`);
  }
  const sorted = (pairs: Iterable<[number, { n: number }]>): unknown[] =>
    [...pairs].sort(([a], [b]) => a - b);
  t.same(sorted(map), sorted(model));
  t.same(sorted(map.entries()), sorted(model.entries()));
  t.same([...map.keys()].sort(), [...model.keys()].sort());
  t.same(new Set(map.values()), new Set(model.values()));
  const seen: number[] = [];
  map.forEach((value, id, self) => {
    if (self === map && value === model.get(id)) seen.push(id);
    map.delete(id);
  });
  t.equal(seen.length, model.size, 'all are gone through, though each leaves meanwhile');
  t.equal(map.size, 0);
  map.set(1, { n: 1 }).clear();
  t.same([map.size, map.get(1)], [0, undefined]);
});

t.test('a Set', async (t) => {
  const [one, two] = [{ n: 1 }, { n: 2 }];
  const set = new StreamSet<{ n: number }>();
  set.add(one).add(two).add(one);
  t.same(
    [set.size, set.has(one), set.delete(one), set.delete(one), set.has(one)],
    [2, true, true, false, false],
  );
  t.same(
    [[...set], [...set.keys()], [...set.values()], [...set.entries()]],
    [[two], [two], [two], [[two, two]]],
  );
  const seen: unknown[] = [];
  set.forEach((value, same, self) => {
    seen.push(value, same, self === set);
    set.delete(value);
  });
  t.same(seen, [two, two, true]);
  set.add(one).clear();
  t.equal(set.size, 0);
});

t.test('this Node keeps its streams in them', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => {
    t.ok(replaceStreamTables(session));
    sessions.push(session);
  });
  server.on('stream', (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.on('error', () => {});
  const requests = [1, 2, 3].map(() => client.request({ ':path': '/' }));
  for (const request of requests) {
    request.on('error', () => {});
    await once(request, 'response');
  }
  const [session] = sessions as [ServerHttp2Session];
  const state = Object.getOwnPropertySymbols(session).find(
    ({ description }) => description === 'state',
  ) as symbol;
  const { streams } = (session as unknown as Record<symbol, { streams: Map<number, ServerHttp2Stream> }>)[
    state
  ] as {
    streams: Map<number, ServerHttp2Stream>;
  };
  t.same([...streams.keys()].sort(), [1, 3, 5]);
  t.notOk(replaceStreamTables(session), 'a session with streams is left alone');
  const [first] = requests;
  first?.close();
  await once(streams.get(1) as ServerHttp2Stream, 'close');
  t.same([...streams.keys()].sort(), [3, 5]);
  // The session ends all that are left, and ends itself when they have.
  session.destroy();
  await Promise.all(requests.slice(1).map((request) => request.closed || once(request, 'close')));
  t.equal(streams.size, 0);
  client.destroy();
  server.close();
});
