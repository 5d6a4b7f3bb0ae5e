import { stripVTControlCharacters } from 'node:util';
import t from 'tap';
import { jsonNarrator } from '../../../src/cli/demo/json-narrator.ts';
import type { DemoFacts, LiveState } from '../../../src/cli/demo/narrator.ts';
import { TerminalNarrator } from '../../../src/cli/demo/terminal-narrator.ts';
import { shellWord } from '../../../src/cli/demo/things-to-try.ts';
import type { TrafficTotals } from '../../../src/cli/demo/traffic.ts';
import { diffConfig, loadConfig, type ResolvedConfig } from '../../../src/config/index.ts';
import { FakeOutput } from '../../support/cli-context.ts';

const FACTS: DemoFacts = {
  proxy: 'https://localhost:8443',
  http: 'http://localhost:8080',
  admin: 'http://127.0.0.1:9900',
  token: 'secret-token',
  tokenFile: '/home/ann lee/demo/admin.token',
  caFile: '/home/ann lee/demo/certs/local-ca.crt',
  configFile: '/home/ann lee/bookstore.yaml',
  folder: '/home/ann lee/demo',
  pid: 100,
  pool: 'books',
  servers: [
    { id: '127.0.0.1:3001', address: '127.0.0.1:3001', pid: 101 },
    { id: '127.0.0.1:3002', address: '127.0.0.1:3002', pid: 102 },
    { id: 'far', address: '10.0.0.1:80', pid: 0 },
  ],
  moved: [{ what: 'listener https', from: 443, to: 8443 }],
};

const TOTALS: TrafficTotals = {
  requests: 40,
  ok: 39,
  limited: 0,
  failed: 1,
  repeated: 2,
  byServer: { '127.0.0.1:3001': 20, '127.0.0.1:3002': 19 },
  p50Ms: 2,
  p99Ms: 9,
  lastFailure: 'socket hang up',
};

const LIVE: LiveState = {
  perSecond: 20,
  servers: [
    { id: '127.0.0.1:3001', state: 'healthy', perSecond: 15 },
    { id: 'far', state: 'unhealthy', perSecond: 5 },
  ],
  traffic: TOTALS,
  elapsedMs: 61_400,
};

const MEMBER = { key: '127.0.0.1:3002', address: '127.0.0.1:3002', port: 3002, pid: 102 };

function config(servers: string): ResolvedConfig {
  const text = `listen: ":8080"\nservers: [${servers}]\n`;
  const loaded = loadConfig({ text, name: 'test', baseDir: '/' }, { env: {}, wallMs: 0 });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  return loaded.config;
}

const DIFF = diffConfig(config('"a:1", "b:1"'), config('"b:1", { address: "c:1", weight: 2 }'));
const SAME = diffConfig(config('"a:1"'), config('"a:1"'));

t.test('for programs: ready first, summary last, one object a line', (t) => {
  const out = new FakeOutput();
  const narrator = jsonNarrator(out);
  narrator.starting('x');
  narrator.fleet({ type: 'started', member: MEMBER, isAgain: false });
  narrator.serverState({ pool: 'books', server: 's', from: 'unknown', to: 'healthy', why: '' });
  t.equal(out.text, '', 'nothing before ready');
  narrator.ready(FACTS);
  narrator.fleet({ type: 'died', member: MEMBER, how: 'SIGKILL' });
  narrator.fleet({ type: 'failed', member: MEMBER, why: 'no' });
  narrator.fleet({ type: 'started', member: MEMBER, isAgain: true });
  narrator.fleet({ type: 'stopped', member: MEMBER });
  narrator.serverState({ pool: 'books', server: 's', from: 'healthy', to: 'unhealthy', why: 'refused' });
  narrator.reloaded({ ok: true, diff: DIFF, servers: FACTS.servers });
  narrator.reloaded({ ok: false, why: 'bad' });
  narrator.tick(LIVE);
  narrator.stopping('SIGTERM');
  narrator.summary({ traffic: TOTALS, durationMs: 2000.4, wasCut: false });
  const events = out.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(events, [
    { event: 'ready', proxy: FACTS.proxy, http: FACTS.http, admin: FACTS.admin, token: 'secret-token' },
    { event: 'server_died', address: '127.0.0.1:3002', how: 'SIGKILL', restart_in_ms: 10_000 },
    { event: 'server_failed', why: 'no' },
    { event: 'server_started', address: '127.0.0.1:3002', pid: 102, again: true },
    { event: 'server_stopped', address: '127.0.0.1:3002' },
    { event: 'server_state', server: 's', to: 'unhealthy' },
    { event: 'reload', ok: true, pools: { default: { added: ['c:1'], removed: ['a:1'] } } },
    { event: 'reload', ok: false, why: 'bad' },
    { event: 'traffic', per_second: 20, ok: 39, failed: 1, servers: [{ per_second: 15 }, {}] },
    { event: 'stopping', signal: 'SIGTERM' },
    { event: 'summary', requests: 40, ok: 39, failed: 1, repeated: 2, by_server: TOTALS.byServer },
  ]);
  t.same(Object.keys(events[0]).slice(0, 6), ['event', 'proxy', 'http', 'admin', 'token', 'servers']);
  t.end();
});

t.test('for programs: a summary without traffic', (t) => {
  const out = new FakeOutput();
  const narrator = jsonNarrator(out);
  narrator.ready(FACTS);
  narrator.summary({ traffic: undefined, durationMs: 1, wasCut: true });
  t.match(JSON.parse(out.text.trimEnd().split('\n')[1] ?? ''), { event: 'summary', requests: 0, cut: true });
  t.end();
});

t.test('for people: what runs, and commands that a shell takes as they are', (t) => {
  const out = new FakeOutput();
  const narrator = new TerminalNarrator(out, '/home', true);
  narrator.starting('/home/x.yaml');
  narrator.ready(FACTS);
  t.match(out.text, 'Starting the bookstores of x.yaml');
  t.match(out.text, 'port 443 is taken: listener https is on 8443');
  t.match(
    out.text,
    `curl -si --cacert '/home/ann lee/demo/certs/local-ca.crt' 'https://localhost:8443/books?limit=1'`,
  );
  t.match(out.text, /Kill 127\.0\.0\.1:3002[\s\S]*kill -9 102\n/);
  t.match(out.text, `'/home/ann lee/bookstore.yaml' && kill -HUP 100`);
  t.match(out.text, `$(cat '/home/ann lee/demo/admin.token')`);
  t.match(out.text, /10\.0\.0\.1:80 +not started by the demo/);
  t.notMatch(out.text, 'secret-token');
  t.equal(stripVTControlCharacters(out.text), out.text, 'no colours for who wants none');
  t.end();
});

t.test('for people: a line for each thing that happens', (t) => {
  const out = new FakeOutput();
  const narrator = new TerminalNarrator(out, '/', false);
  narrator.fleet({ type: 'started', member: MEMBER, isAgain: false });
  t.equal(out.text, '', 'the start is told as a whole');
  narrator.ready(FACTS);
  out.text = '';
  narrator.fleet({ type: 'died', member: MEMBER, how: 'SIGKILL' });
  narrator.fleet({ type: 'started', member: MEMBER, isAgain: true });
  narrator.fleet({ type: 'failed', member: MEMBER, why: 'no' });
  narrator.fleet({ type: 'stopped', member: MEMBER });
  narrator.serverState({ server: 's', to: 'unhealthy', why: 'refused' });
  narrator.reloaded({ ok: true, diff: DIFF, servers: [] });
  narrator.reloaded({ ok: true, diff: SAME, servers: [] });
  narrator.reloaded({ ok: false, why: 'a\nb' });
  narrator.stopping('SIGINT');
  narrator.summary({ traffic: TOTALS, durationMs: 61_000, wasCut: true });
  t.same(out.text.split('\n'), [
    '● bookstore 127.0.0.1:3002 is gone (SIGKILL); it is started again in 10 s',
    '● bookstore 127.0.0.1:3002 runs again, pid 102',
    '● bookstore 127.0.0.1:3002 could not be started again: no',
    '● bookstore 127.0.0.1:3002 has finished and stopped',
    '○ balancer: s is unhealthy (refused)',
    '✓ the file is in force: c:1 joined default; a:1 left default',
    '✓ the file was read again: nothing has changed',
    '✗ the file was refused, nothing changed:',
    '  a',
    '  b',
    '● finishing what is in flight; Ctrl-C again ends at once',
    'Stopped after 1:01: 40 requests, 1 failed (socket hang up), 2 repeated, p50 2 ms, p99 9 ms. Some connections had to be cut.',
    'Answers by server: 127.0.0.1:3001 20, 127.0.0.1:3002 19',
    '',
  ]);
  t.end();
});

t.test('on a terminal the last line is drawn anew, and never longer than a row', (t) => {
  const out = new FakeOutput();
  Object.assign(out, { isTerminal: true, hasColour: true });
  const narrator = new TerminalNarrator(out, '/', true);
  narrator.ready(FACTS);
  out.text = '';
  narrator.tick(LIVE);
  const [, line = ''] = out.text.split('\r\u001b[2K');
  t.equal(
    stripVTControlCharacters(line),
    '1:01 │ 20 req/s │ ● :3001  75% │ ● far  25% │ 1 failed │ p99 9 ms',
  );
  out.text = '';
  narrator.fleet({ type: 'stopped', member: MEMBER });
  t.match(out.text, /^\r\u001b\[2K.*has finished and stopped\n.*1:01/, 'it stays below what happens');
  out.text = '';
  out.columns = 30;
  narrator.tick(LIVE);
  t.equal(stripVTControlCharacters(out.text.split('\r\u001b[2K')[1] ?? '').length, 29);
  out.text = '';
  narrator.stopping('SIGTERM');
  narrator.summary({ traffic: undefined, durationMs: 1000, wasCut: false });
  t.match(out.text, /^\r\u001b\[2K.*a second signal ends at once\nStopped after 0:01\.\n$/);
  t.end();
});

t.test('without a terminal the state is told now and then', (t) => {
  const out = new FakeOutput();
  const narrator = new TerminalNarrator(out, '/', true);
  for (let second = 0; second < 20; second++) narrator.tick(LIVE);
  t.equal(out.text.trimEnd().split('\n').length, 2);
  t.end();
});

t.test('words for a shell', (t) => {
  t.equal(shellWord('/a/b-c_1.2'), '/a/b-c_1.2');
  t.equal(shellWord("it's"), `'it'\\''s'`);
  t.end();
});
