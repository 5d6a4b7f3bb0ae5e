/**
 * Clients that use every stream they may, and open the next as soon as one is over: none is refused. Over TLS, where Node
 * counts a stream for longer than its client does, and over many connections, so that there is time for it to show.
 */
import t from 'tap';
import { h2Crowd } from '../support/h2-crowd.ts';
import { ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

t.test('no stream is one too many', async (t) => {
  await using proxied = await Proxied.start({
    listener: { tls: { certificates: ['local'] } },
    file: { certificates: { local: { self_signed: ['localhost'] } } },
  });
  proxied.server.answerAll(() => ok('here'));
  const ends = await h2Crowd(proxied.daemon.port(), { connections: 32, streams: 100, requests: 500 });
  t.same(ends, { answered: 32 * 500 });
});
