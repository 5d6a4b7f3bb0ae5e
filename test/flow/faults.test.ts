/** A route that fails on purpose: what clients see, what is counted, what `check` says of it. */
import t from 'tap';
import { loadConfig } from '../../src/config/index.ts';
import { get, ok } from '../support/peer.ts';
import { onePool, Proxied } from '../support/proxied.ts';

const always = { share: '100%' };

t.test('aborts reach no server, delays do, and each is counted', async (t) => {
  await using proxied = await Proxied.start({
    file: {
      routes: [
        {
          name: 'fails',
          match: { path: '/fails' },
          pool: 'web',
          faults: { abort: { ...always, status: 418 } },
        },
        {
          name: 'slow',
          match: { path: '/slow' },
          pool: 'web',
          faults: { delay: { ...always, time: '20ms' } },
        },
        {
          name: 'both',
          match: { path: '/both' },
          pool: 'web',
          faults: { delay: { ...always, time: '20ms' }, abort: { ...always } },
        },
        { name: 'all', pool: 'web' },
      ],
    },
  });
  let asked = 0;
  proxied.server.answerAll(() => {
    asked++;
    return ok('answered');
  });
  const client = await proxied.client();
  const statuses: number[] = [];
  for (const path of ['/fails', '/slow', '/both', '/']) statuses.push((await client.ask(get(path))).status);
  t.same(statuses, [418, 200, 503, 200]);
  t.equal(asked, 2);
  const text = await proxied.daemon.daemon.metrics.render();
  t.match(text, /sluice_requests_total\{route="fails",status_class="4xx",reason="fault_injected"\} 1/);
  t.match(text, /sluice_requests_total\{route="both",status_class="5xx",reason="fault_injected"\} 1/);
  t.match(text, /sluice_fault_delays_total\{route="slow"\} 1/);
  t.match(text, /sluice_fault_delays_total\{route="all"\} 0/);
});

t.test('a client that leaves during a delay leaves nothing behind', async (t) => {
  await using proxied = await Proxied.start({
    file: { routes: [{ name: 'all', pool: 'web', faults: { delay: { ...always, time: '50ms' } } }] },
  });
  const client = await proxied.client();
  client.write(get('/'));
  await proxied.daemon.until('it waits', () => proxied.daemon.inFlight() === 1);
  client.destroy();
  await proxied.daemon.idle();
  t.equal(proxied.server.connections, 0);
});

t.test('check warns of it', async (t) => {
  const file = onePool([], {
    pool: { servers: ['10.0.0.1:80'] },
    file: { routes: [{ name: 'all', pool: 'web', faults: { abort: always } }] },
  });
  const loaded = loadConfig(
    { text: JSON.stringify(file), name: 'sluice.yaml', baseDir: '/' },
    { env: {}, wallMs: 0, checkFiles: false },
  );
  t.ok(loaded.ok);
  t.match(loaded.ok ? loaded.warnings : [], [
    { severity: 'warning', message: /injected into this route on purpose/ },
  ]);
});
