/** Ports are claimed before anything else is done, and a taken one is an error that says how to go on. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { claimPort } from '../../../src/assembly/ports.ts';
import type { SluiceError } from '../../../src/kernel/errors.ts';

async function taken(host: string) {
  const server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

const refusal = (promise: Promise<unknown>): Promise<SluiceError> =>
  promise.then(
    () => Promise.reject(new Error('it was given')),
    (error: unknown) => error as SluiceError,
  );

t.test('port 0 becomes a number that can be bound right after', async (t) => {
  const ports = await Promise.all(Array.from({ length: 5 }, () => claimPort('listener "a"', '127.0.0.1', 0)));
  for (const port of ports) {
    t.ok(port > 0 && port < 65_536);
    const server = createServer().listen({
      host: '127.0.0.1',
      port,
      reusePort: process.platform === 'linux',
    });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    t.equal(await claimPort('listener "a"', '127.0.0.1', port), port, 'and claimed again by its number');
  }
});

t.test('a taken port', async (t) => {
  await using holder = await taken('127.0.0.1');
  const { port } = holder;
  const error = await refusal(claimPort('listener "a"', '127.0.0.1', port));
  t.match(error, { code: 'port_taken', hint: new RegExp(`sport = :${port}`) });
  t.match(error.message, new RegExp(`listener "a": port ${port} is taken`));
  t.match(
    await refusal(claimPort('listener "a"', undefined, port)),
    { code: 'port_taken' },
    'on all addresses as well',
  );
  t.equal(await claimPort('listener "a"', '127.0.0.2', port), port, 'another address has it free');
});

t.test(
  'even when whoever holds it would share it',
  { skip: process.platform !== 'linux' && 'needs reusePort' },
  async (t) => {
    const server = createServer().listen({ host: '127.0.0.1', port: 0, reusePort: true });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    t.match(await refusal(claimPort('listener "a"', '127.0.0.1', port)), { code: 'port_taken' });
    server.close();
    await once(server, 'close');
  },
);

t.test('an address that is not of this machine', async (t) => {
  const error = await refusal(claimPort('listener "a"', '192.0.2.1', 0));
  t.match(error, { code: 'listen_failed' });
  t.match(error.message, /listener "a": cannot listen on port 0: .*EADDRNOTAVAIL/);
});
