/** Whether the end of a TLS connection was the other side's, or anybody's: seen on real connections. */
import { once } from 'node:events';
import { type ConnectionOptions, connect } from 'node:tls';
import t from 'tap';
import { tlsEnd } from '../../../src/kernel/tls-end.ts';
import { CutTlsServer } from '../../support/cut-tls.ts';

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
  for (const size of [5, 300_000])
    for (const isCut of [false, true])
      t.test(`${maxVersion}, ${size} bytes, ${isCut ? 'cut' : 'closed'}`, async (t) => {
        await using server = await CutTlsServer.open({ answer: 'x'.repeat(size), isCut, maxVersion });
        const memory = Buffer.alloc(65_536);
        let bytes = 0;
        const socket = connect({
          host: '127.0.0.1',
          port: server.port,
          rejectUnauthorized: false,
          allowHalfOpen: true,
          onread: {
            buffer: () => memory,
            callback: (count: number) => {
              bytes += count;
              return true;
            },
          },
        } as ConnectionOptions);
        await once(socket, 'secureConnect');
        socket.write('go');
        const seen = await new Promise((resolve) => {
          socket.once('end', () => resolve(tlsEnd(socket, false)));
        });
        t.equal(seen, isCut ? 'truncated' : 'closed');
        t.equal(bytes, size);
        socket.destroy();
      });

t.test('a Node whose handles are others', async (t) => {
  const without = { _handle: {} } as unknown as Parameters<typeof tlsEnd>[0];
  t.equal(tlsEnd(without, false), 'unknown');
  t.equal(tlsEnd(without, true), 'closed', 'who does not read cannot have met the end of TCP');
});
