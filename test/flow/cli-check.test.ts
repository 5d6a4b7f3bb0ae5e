/** The command line as a process: exit codes, and every mistake of a file at once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { launch } from '../support/launched.ts';
import { MAIN } from '../support/sluice-process.ts';

const FIVE = `certificates:
  shop: { cert: missing.crt, key: missing.crt }
listeners:
  web: { port: 8080 }
  web: { port: 8081 }
  tls: { port: 8443, tls: { certificates: [shop] } }
routes:
  - { name: a, pool: nosuch }
pools:
  books:
    servers:
      - { address: 127.0.0.1:3001, wieght: 2 }
    health: { path: /healthz, interval: 5 minutes }
`;

t.test('five mistakes of different kinds are reported at once, each with its place', async (t) => {
  const folder = t.testdir({ 'sluice.yaml': FIVE });
  const { code, stdout } = await launch(['check', 'sluice.yaml'], { cwd: folder }).ended;
  t.equal(code, 2);
  for (const mistake of [
    /sluice\.yaml:5:3 +error .*web/,
    /sluice\.yaml:12:36 +error +pools\.books\.servers\[0\]: unknown key "wieght" – did you mean "weight"\?/,
    /sluice\.yaml:13:41 +error +pools\.books\.health\.interval: "5 minutes" is not a time\. Write 5m or 300s\./,
    /sluice\.yaml:8:22 +error +routes\[0\]\.pool: no pool is called "nosuch"/,
    /sluice\.yaml:2:17 +error +certificates\.shop\.cert: .*"missing\.crt" does not exist/,
  ])
    t.match(stdout, mistake);
  t.match(stdout, /▸ 12 │ .*wieght[\s\S]*\^{6}/, 'with the line itself');

  const json = await launch(['check', 'sluice.yaml', '--format', 'json'], { cwd: folder }).ended;
  t.equal(json.code, 2);
  const report = JSON.parse(json.stdout) as {
    errors: number;
    diagnostics: { line: number; severity: string }[];
  };
  const lines = report.diagnostics.filter((it) => it.severity === 'error').map((it) => it.line);
  for (const line of [2, 5, 8, 12, 13]) t.ok(lines.includes(line), `line ${line}`);
  t.equal(report.errors, lines.length);
});

t.test('exit codes (B57)', async (t) => {
  const folder = t.testdir({ 'good.yaml': 'listen: ":0"\nservers: [":1"]\n', 'bad.yaml': FIVE });
  const rows: readonly (readonly [args: readonly string[], code: number])[] = [
    [['version'], 0],
    [['--help'], 0],
    [['check', join(folder, 'good.yaml')], 0],
    [['check', join(folder, 'missing.yaml')], 2],
    [['chekc'], 2],
    [['run', '--config', join(folder, 'bad.yaml')], 2],
    [['demo', '--config', join(folder, 'bad.yaml'), '--data', folder], 2],
    [['health', '--admin', 'http://127.0.0.1:1'], 1],
    [['status', '--admin', 'http://127.0.0.1:1'], 1],
  ];
  for (const [args, code] of rows) {
    const ended = await launch(args, { cwd: folder }).ended;
    t.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`);
    t.equal(ended.signal, null);
  }
});

t.test('a reader that goes away is no error', async (t) => {
  const child = spawn(process.execPath, [MAIN, 'config', 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = await once(child, 'close');
  t.equal(code, 0);
  t.equal(stderr, '');
});
