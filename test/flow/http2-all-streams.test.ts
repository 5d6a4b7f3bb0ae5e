/**
 * Clients that use every stream they may, and open the next as soon as one is over: none is refused. Over TLS, where Node
 * counts a stream for longer than its client does, and over many connections, so that there is time for it to show.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { h2Crowd } from '../support/h2-crowd.ts';

const CONNECTIONS = 32;

async function crowd(
  t: Tap,
  options: { requests: number; bodyBytes: number; isEarly: boolean },
): Promise<void> {
  const server = createServer((request, response) => {
    if (options.isEarly) response.end('early');
    request.resume().on('end', () => options.isEarly || response.end('late'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  await using daemon = await DaemonFixture.start({
    listeners: { https: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } } },
    certificates: { local: { self_signed: ['localhost'] } },
    routes: [{ name: 'all', pool: 'web' }],
    pools: { web: { servers: [`127.0.0.1:${(server.address() as AddressInfo).port}`], health: false } },
  });
  const { requests, bodyBytes } = options;
  const ends = await h2Crowd(daemon.port('https'), {
    ...{ connections: CONNECTIONS, streams: 100 },
    ...{ requests, bodyBytes },
  });
  t.same(ends, { answered: CONNECTIONS * requests });
}

type Tap = typeof t;

t.test('no bodies', (t) => crowd(t as Tap, { requests: 500, bodyBytes: 0, isEarly: false }));
t.test('bodies', (t) => crowd(t as Tap, { requests: 200, bodyBytes: 3000, isEarly: false }));
t.test('bodies, answered before they have come', (t) =>
  crowd(t as Tap, { requests: 200, bodyBytes: 3000, isEarly: true }),
);
