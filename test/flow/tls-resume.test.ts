import t from 'tap';
import { compileTls, ListenerTls } from '../../src/tls/index.ts';
import { authorityFor, echoServer, handshake, listenerOptions, materialFor } from '../support/tls-fixture.ts';

const authority = authorityFor();
const shop = materialFor(authority, 'shop', ['shop.test']);
const api = materialFor(authority, 'api', ['api.test']);
const options = listenerOptions([shop, api]);
const client = { ca: authority.certPem, servername: 'shop.test' };

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const common = { ...client, minVersion: version, maxVersion: version } as const;
  // Each case: how the second listener differs from the first, and whether a session is worth anything there.
  const cases: [string, typeof options, string, boolean][] = [
    ['another thread with the same key', options, 'shop.test', true],
    [
      'the same listener after a renewal',
      { ...options, materials: [materialFor(authority, 'shop', ['shop.test']), api] },
      'shop.test',
      true,
    ],
    ['another server name (other certificate)', options, 'api.test', false],
    ['another listener', { ...options, scope: 'https-internal' }, 'shop.test', false],
    [
      'another minimum version',
      { ...options, minVersion: version === 'TLSv1.3' ? '1.3' : '1.2', scope: 'x' },
      'shop.test',
      false,
    ],
    [
      'after the ticket key was rotated',
      { ...options, ticketKey: new Uint8Array(48).fill(7) },
      'shop.test',
      false,
    ],
    ['a listener that serves other names now', { ...options, certificates: ['shop'] }, 'shop.test', false],
  ];
  for (const [what, second, servername, want] of cases) {
    t.test(`${version}: ${what}`, async (t) => {
      const one = new ListenerTls(compileTls(options));
      const two = new ListenerTls(compileTls(second));
      await using serverOne = await echoServer(() => one.socketOptions());
      await using serverTwo = await echoServer(() => two.socketOptions());
      const first = await handshake(serverOne.port, common);
      t.equal(first.error, undefined);
      t.equal(first.isReused, false);
      t.ok(first.session, 'a session came');
      const again = await handshake(serverTwo.port, { ...common, servername, session: first.session });
      t.equal(again.error, undefined, 'it connects in any case');
      t.equal(again.isReused, want, want ? 'resumed' : 'a full handshake');
    });
  }
}
