import t from 'tap';
import { SlotTable } from '../../../src/kernel/slots.ts';
import {
  ListenerCells,
  PoolCells,
  RouteCells,
  ServerCells,
  ThreadCells,
} from '../../../src/observe/index.ts';
import { CellAllocator, Metrics } from '../../../src/observe/main/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp() {
  const cells = new CellAllocator({ threads: 2 }, new FakeClock());
  return { cells, metrics: new Metrics(cells, { processMetrics: false }) };
}

/** The value of a series, by its text up to the space. */
function seriesOf(text: string, series: string): string | undefined {
  for (const line of text.split('\n'))
    if (line.startsWith(`${series} `)) return line.slice(series.length + 1);
  return undefined;
}

t.test('routes: counts over all threads, histogram cumulated, in seconds', async (t) => {
  const { cells, metrics } = setUp();
  const { offset } = cells.block('route', 'shop');
  new RouteCells(cells.table.row(0), offset).countRequest('ok', 200, 2, 10, 100);
  new RouteCells(cells.table.row(1), offset).countRequest('ok', 200, 40, 1, 1);
  new RouteCells(cells.table.row(1), offset).countRequest('limited', 429, 45_000, 0, 0);
  const text = await metrics.render();
  t.equal(seriesOf(text, 'sluice_requests_total{route="shop",status_class="2xx",reason="ok"}'), '2');
  t.equal(seriesOf(text, 'sluice_requests_total{route="shop",status_class="4xx",reason="limited"}'), '1');
  t.notMatch(text, 'reason="no_route"', 'what never happened has no series');
  t.equal(seriesOf(text, 'sluice_request_bytes_total{route="shop"}'), '11');
  t.equal(seriesOf(text, 'sluice_response_bytes_total{route="shop"}'), '101');
  const bucket = (le: string) =>
    seriesOf(text, `sluice_request_duration_seconds_bucket{le="${le}",route="shop"}`) ??
    seriesOf(text, `sluice_request_duration_seconds_bucket{route="shop",le="${le}"}`);
  t.strictSame(
    [bucket('0.0015'), bucket('0.002'), bucket('0.05'), bucket('30'), bucket('+Inf')],
    ['0', '1', '2', '2', '3'],
  );
  t.equal(seriesOf(text, 'sluice_request_duration_seconds_sum{route="shop"}'), '45.042');
  t.equal(seriesOf(text, 'sluice_request_duration_seconds_count{route="shop"}'), '3');
});

t.test('listeners, pools, server connections and threads', async (t) => {
  const { cells, metrics } = setUp();
  const listener = new ListenerCells(cells.table.row(0), cells.block('listener', 'https').offset);
  listener.countAccepted();
  listener.countAccepted();
  listener.countClosed();
  listener.countRefused();
  listener.countRequest();
  listener.countHandshake(true);
  listener.countHandshake(false);
  listener.countHandshakeFailed();
  listener.countLimited();
  listener.countNoFile();
  const pool = new PoolCells(cells.table.row(1), cells.block('pool', 'web').offset);
  pool.countRetry();
  pool.countRetryRefused();
  pool.countQueued(1);
  pool.countQueued(1);
  pool.countDequeued(1);
  pool.countQueued(2);
  pool.countDisplaced(2);
  pool.countHttp2Opened();
  pool.countStreamOpened();
  pool.countStreamOpened();
  pool.countStreamOver();
  pool.countGoaway();
  pool.countStreamRefused();
  cells.block('pool', 'old');
  const server = new ServerCells(cells.table.row(1), cells.block('server', 'web', '127.0.0.1:3001').offset);
  server.countConnection();
  server.countRetry();
  const thread = new ThreadCells(cells.table.row(1), cells.block('thread', '1').offset);
  thread.setLoop(1, 20, 300, 0.25);
  thread.setHeap(1e6);
  const text = await metrics.render();
  for (const [series, value] of [
    ['sluice_connections_total{listener="https"}', '2'],
    ['sluice_connections_active{listener="https"}', '1'],
    ['sluice_connections_refused_total{listener="https"}', '1'],
    ['sluice_connections_no_file_total{listener="https"}', '1'],
    ['sluice_listener_requests_total{listener="https"}', '1'],
    ['sluice_tls_handshakes_total{listener="https",outcome="ok"}', '2'],
    ['sluice_tls_handshakes_total{listener="https",outcome="failed"}', '1'],
    ['sluice_tls_resumed_total{listener="https"}', '1'],
    ['sluice_limited_total{listener="https"}', '1'],
    ['sluice_pool_retries_total{pool="web"}', '1'],
    ['sluice_pool_retries_refused_total{pool="web"}', '1'],
    ['sluice_pool_queued_total{pool="web",priority="high"}', '0'],
    ['sluice_pool_queued_total{pool="web",priority="normal"}', '2'],
    ['sluice_pool_queue_waiting{pool="web",priority="normal"}', '1'],
    ['sluice_pool_queue_waiting{pool="web",priority="low"}', '1'],
    ['sluice_pool_queue_displaced_total{pool="web",priority="low"}', '1'],
    ['sluice_pool_http2_connections{pool="web"}', '1'],
    ['sluice_pool_http2_streams{pool="web"}', '1'],
    ['sluice_pool_http2_streams_total{pool="web"}', '2'],
    ['sluice_pool_http2_goaways_total{pool="web"}', '1'],
    ['sluice_pool_http2_streams_refused_total{pool="web"}', '1'],
    ['sluice_upstream_connections_total{pool="web",server="127.0.0.1:3001"}', '1'],
    ['sluice_upstream_retries_total{pool="web",server="127.0.0.1:3001"}', '1'],
    ['sluice_event_loop_delay_seconds{thread="1",quantile="0.99"}', '0.02'],
    ['sluice_event_loop_delay_seconds{thread="1",quantile="1"}', '0.3'],
    ['sluice_event_loop_utilization{thread="1"}', '0.25'],
    ['sluice_thread_heap_bytes{thread="1"}', '1000000'],
  ] as const)
    t.equal(seriesOf(text, series), value, series);
  t.notMatch(text, /http2_streams.*pool="old"/, 'what does not speak HTTP/2 has no such series');
  cells.clearLevels(1);
  const after = await metrics.render();
  t.equal(seriesOf(after, 'sluice_pool_http2_streams{pool="web"}'), '0', 'levels of a dead thread');
  t.equal(seriesOf(after, 'sluice_pool_http2_connections{pool="web"}'), '0');
  t.equal(seriesOf(after, 'sluice_pool_http2_streams_total{pool="web"}'), '2');
});

t.test('servers come out of their slots', async (t) => {
  const { metrics } = setUp();
  const slots = SlotTable.create({ capacity: 4, threads: 2, nowMs: 0 });
  t.ok(slots.tryAcquire(1, 0, 10));
  slots.counters.countAnswer(1, 0, 200, 3);
  slots.counters.countAnswer(1, 1, 503, 9000);
  metrics.addServers(() => [
    {
      pool: 'web',
      server: 'a',
      isHealthy: true,
      inFlight: slots.inFlight(1),
      totals: slots.counters.totals(1),
    },
  ]);
  const text = await metrics.render();
  for (const [series, value] of [
    ['sluice_server_healthy{pool="web",server="a"}', '1'],
    ['sluice_server_in_flight{pool="web",server="a"}', '1'],
    ['sluice_upstream_responses_total{pool="web",server="a",status_class="2xx"}', '1'],
    ['sluice_upstream_responses_total{pool="web",server="a",status_class="5xx"}', '1'],
    ['sluice_upstream_failures_total{pool="web",server="a",outcome="connect_error"}', '0'],
    ['sluice_upstream_latency_seconds_count{pool="web",server="a"}', '2'],
    ['sluice_upstream_latency_seconds_sum{pool="web",server="a"}', '9.003'],
  ] as const)
    t.equal(seriesOf(text, series), value, series);
});

t.test('the text is what Prometheus reads', async (t) => {
  const { cells, metrics } = setUp();
  const { offset } = cells.block('route', 'a "b" \\ c\nd');
  new RouteCells(cells.table.row(0), offset).countRequest('ok', 200, 1, 1, 1);
  metrics.add({
    name: 'sluice_access_log_dropped_total',
    help: 'Lines.',
    type: 'counter',
    read: () => [{ labels: {}, value: 7 }],
  });
  t.equal(metrics.contentType, 'text/plain; version=0.0.4; charset=utf-8');
  const text = await metrics.render();
  t.ok(text.endsWith('\n'));
  t.match(text, 'route="a \\"b\\" \\\\ c\\nd"');
  t.equal(seriesOf(text, 'sluice_access_log_dropped_total'), '7');
  const seen = new Set<string>();
  let family = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type) {
      family = type[1] ?? '';
      t.notOk(seen.has(family), `${family} once`);
      seen.add(family);
      t.match(text, `# HELP ${family} `);
      if (type[2] === 'counter') t.match(family, /_total$/);
    } else if (!line.startsWith('#')) {
      t.match(line, /^[a-z_]+(\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)+\})? [0-9.e+-]+$/, line);
      t.ok(line.startsWith(family), `${line} stands under ${family}`);
    }
  }
});

t.test('a family that exists cannot be added again', async (t) => {
  const { metrics } = setUp();
  const source = { name: 'sluice_requests_total', help: 'x', type: 'counter', read: () => [] } as const;
  t.throws(() => metrics.add(source), /already been registered/);
});

t.test('process metrics are there unless switched off', async (t) => {
  const metrics = new Metrics(new CellAllocator({ threads: 1 }, new FakeClock()));
  const text = await metrics.render();
  t.match(text, /^process_cpu_seconds_total \d/m);
  t.match(text, /^process_resident_memory_bytes \d/m);
  t.notMatch(await setUp().metrics.render(), 'process_cpu');
});
