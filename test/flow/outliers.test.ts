/** A server that passes its checks and fails requests is taken out, and told about. */
import t from 'tap';
import type { AnyEvent } from '../../src/observe/index.ts';
import { get, ok, type RawServer } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('five gateway errors: ejected, others serve, and it comes back', async (t) => {
  await using proxied = await Proxied.start({ pool: { outlier_detection: { ejection_time: '300ms' } } }, 2);
  const [bad, good] = proxied.servers as [RawServer, RawServer];
  let isBad = true;
  bad.answerAll(() =>
    isBad ? 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n' : ok('bad is good'),
  );
  good.answerAll(() => ok('good'));
  const { daemon } = proxied.daemon;
  const states: string[] = [];
  const ejected = Promise.withResolvers<void>();
  const returned = Promise.withResolvers<void>();
  daemon.events.onAny((event: AnyEvent) => {
    if (event.name !== 'server_state') return;
    states.push(`${event.payload.to}: ${event.payload.why}`);
    if (event.payload.to === 'ejected') ejected.resolve();
    else returned.resolve();
  });
  const client = await proxied.client();
  for (let i = 0; i < 10; i++) await client.ask(get('/'));
  await ejected.promise;
  t.equal(daemon.registry.server('web', bad.address).state, 'ejected');
  const bodies = new Set<string>();
  for (let i = 0; i < 10; i++) bodies.add((await client.ask(get('/'))).body);
  t.same([...bodies], ['good']);
  isBad = false;
  await returned.promise;
  t.same(states, ['ejected: 5 errors in a row', 'healthy: its time is over']);
  for (let body = ''; body !== 'bad is good'; ) body = (await client.ask(get('/'))).body;
});
