import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { PortFinder, place, wantedServers, withServerCount } from '../../../src/cli/demo/placement.ts';
import { loadConfig, type ResolvedConfig } from '../../../src/config/index.ts';

const TEXT = `listeners: { a: { port: 8080 }, b: { address: 127.0.0.1, port: 8081 } }
routes: [{ match: { path: /x }, pool: far }, { pool: near }]
pools:
  near: { servers: [127.0.0.1:3001, { address: localhost:3002, id: two, weight: 3 }, "[::1]:3003"] }
  far: { servers: [10.0.0.1:80, 127.0.0.1:3001] }
`;

function config(): ResolvedConfig {
  const loaded = loadConfig({ text: TEXT, name: 'test', baseDir: '/' }, { env: {}, wallMs: 0 });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return loaded.config;
}

t.test('the servers of this machine, each once', (t) => {
  t.same(
    wantedServers(config()).map(({ key }) => key),
    ['127.0.0.1:3001', 'localhost:3002', '[::1]:3003'],
  );
  t.end();
});

t.test('--servers cuts or extends the first pool', (t) => {
  const ids = (count: number) => withServerCount(config(), count).pools[0]?.servers.map(({ id }) => id);
  t.same(ids(1), ['127.0.0.1:3001']);
  t.same(ids(5), ['127.0.0.1:3001', 'two', '[::1]:3003', '[::1]:3004', '[::1]:3005']);
  const empty = { ...config(), pools: [] };
  t.equal(withServerCount(empty, 3), empty);
  t.end();
});

t.test('files go into one folder, servers and listeners to where they run', (t) => {
  const placed = place(config(), {
    folder: '/demo',
    logFile: '/demo/sluice.log',
    adminPort: 9901,
    listenerPort: ({ port }) => port + 1000,
    serverPort: (key) => (key === '127.0.0.1:3001' ? 40_001 : key === 'localhost:3002' ? 40_002 : undefined),
  });
  t.match(placed, {
    store: { path: '/demo' },
    admin: { listen: { host: '127.0.0.1', port: 9901 } },
    logs: { file: '/demo/sluice.log', access: { file: '/demo/access.log' } },
    listeners: [{ port: 9080 }, { port: 9081 }],
    pools: [
      {
        servers: [
          { id: '127.0.0.1:40001', port: 40_001 },
          { id: 'two', port: 40_002, weight: 3 },
          { id: '[::1]:3003', port: 3003 },
        ],
      },
      { servers: [{ id: '10.0.0.1:80', port: 80 }, { id: '127.0.0.1:40001' }] },
    ],
  });
  t.end();
});

t.test('a taken port gives way to a free one, and stays there', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = holder.address();
  const taken = typeof address === 'object' && address !== null ? address.port : 0;
  const ports = new PortFinder();
  const found = await ports.find('listener a', '127.0.0.1', taken);
  t.not(found, taken);
  t.ok(found > 0);
  t.same(ports.moved, [{ what: 'listener a', from: taken, to: found }]);
  holder.close();
  await once(holder, 'close');
  t.equal(await ports.find('listener a', '127.0.0.1', taken), found, 'not asked again');
  t.equal(await ports.find('listener b', '127.0.0.1', taken), taken, 'free now');
  t.ok((await ports.find('listener c', undefined, 0)) > 0);
  t.equal(ports.moved.length, 1, 'any port is no move');
});
