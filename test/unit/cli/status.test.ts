/** What `sluice status` prints of the API's snapshot. */
import t from 'tap';
import { painter } from '../../../src/cli/paint.ts';
import { statusText } from '../../../src/cli/status.ts';

type Snapshot = Parameters<typeof statusText>[0];

t.test('names in DNS stand above the servers of their pool', async (t) => {
  const server = {
    id: '10.0.0.1:80',
    address: '10.0.0.1:80',
    state: 'healthy',
    weight: 1,
    in_flight: 0,
    requests_total: 7,
    answers: {},
    average_ms: null,
    health: { why: '' },
  };
  const snapshot = {
    pid: 9,
    version: '0.1.0',
    life: 'ready',
    uptime_ms: 60_000,
    threads: 2,
    config_file: '/etc/sluice.yaml',
    listeners: [],
    pools: [
      {
        name: 'web',
        algorithm: 'random',
        breaker: null,
        discovery: [
          { kind: 'dns', name: 'books.internal:80', outcome: 'found', why: '', servers: 1 },
          { kind: 'srv', name: '_http._tcp.books', outcome: 'failed', why: 'it is silent', servers: 0 },
        ],
        servers: [server],
      },
    ],
  } as unknown as Snapshot;
  const lines = statusText(snapshot, painter({ hasColour: false })).split('\n');
  t.same(lines.slice(3, 8), [
    'pool web  random',
    '  dns books.internal:80  found, 1 server',
    '  srv _http._tcp.books  failed: it is silent, 0 servers',
    '  server       state    weight  in flight  requests  5xx  average',
    '  10.0.0.1:80  healthy       1          0         7    0        -',
  ]);
});
