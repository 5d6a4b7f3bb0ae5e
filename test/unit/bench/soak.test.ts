import t from 'tap';
import { svgCurves } from '../../../bench/report/lines.ts';
import { clientOfTarget, EXPLANATIONS } from '../../../bench/soak/explanations.ts';
import { Ledger } from '../../../bench/soak/ledger.ts';
import { readSoakOptions, SOAK_HELP } from '../../../bench/soak/options.ts';
import { patternBytes } from '../../../bench/soak/pattern.ts';
import { growth, slopePerMinute } from '../../../bench/soak/trend.ts';
import { parseMetrics } from '../../../bench/system/daemon.ts';

t.test('a failure needs an explanation; one by a kill needs the kill', (t) => {
  const ledger = new Ledger([
    { client: 'slow', kind: /^late/, why: 'as it should be' },
    { client: 'big', kind: /^ended/, why: 'killed', isByKill: true },
  ]);
  const at = (startMs: number, endMs: number) => ({ startMs, endMs });
  ledger.add({ client: 'slow', kind: 'ok', ...at(0, 1) });
  ledger.add({ client: 'slow', kind: 'late 3', ...at(0, 1) });
  ledger.add({ client: 'big', kind: 'ended within', ...at(900, 1100) });
  ledger.add({ client: 'big', kind: 'ended just behind', ...at(3500, 3600) });
  ledger.add({ client: 'big', kind: 'ended before', ...at(100, 999) });
  ledger.add({ client: 'big', kind: 'ended long after', ...at(9000, 9001) });
  ledger.add({ client: 'big', kind: 'wrong', ...at(1000, 1001) });
  ledger.killed(1000);
  t.equal(ledger.unexplained.length, 0, 'nothing is judged before it is settled');
  ledger.settle();
  t.same(
    ledger.unexplained.map(({ kind }) => kind),
    ['ended before', 'ended long after', 'wrong'],
  );
  t.equal(ledger.total, 7);
  t.same(
    ledger.rows().find(([what]) => what === 'slow late 3'),
    ['slow late 3', 1, 'as it should be'],
  );
  t.end();
});

t.test('no well-behaved small request has an excuse', (t) => {
  for (const client of [
    'small',
    'small-tls',
    'fresh',
    'fresh-tls',
    'late',
    'shaky',
    'upload',
    'nonsense',
    'dripping',
  ])
    t.notOk(
      EXPLANATIONS.some((it) => it.client === client),
      client,
    );
  for (const client of ['small', 'fresh', 'upload', 'shaky'])
    t.notOk(
      EXPLANATIONS.some((it) => it.client === `log ${client}`),
      `log ${client}`,
    );
  t.equal(clientOfTarget('/small/echo/1', new Set(['small'])), 'log small');
  t.equal(clientOfTarget('/smaller', new Set(['small'])), 'log (unread)');
  t.equal(clientOfTarget('', new Set(['small'])), 'log (unread)');
  t.end();
});

t.test('a slope that a few odd values do not move', (t) => {
  const line = Array.from({ length: 60 }, (_, i) => ({ atMs: i * 1000, value: 100 + i / 30 }));
  t.ok(Math.abs(slopePerMinute(line) - 2) < 1e-9);
  const odd = line.map((it, i) => (i % 10 === 3 ? { ...it, value: 900 } : it));
  t.ok(Math.abs(slopePerMinute(odd) - 2) < 0.7, `${slopePerMinute(odd)}`);
  t.equal(slopePerMinute([]), 0);
  t.equal(growth([]), 0);
  t.ok(Math.abs(growth(line) - 1) < 1e-9, 'half of a minute lies between the two quarters');
  t.end();
});

t.test('options', (t) => {
  t.match(readSoakOptions([]), { minutes: 20, seed: 1, load: 1, reloadSeconds: 10 });
  t.match(readSoakOptions(['--minutes=2', '--load', '0.5', '--json', 'x.json']), { minutes: 2, load: 0.5 });
  t.equal(readSoakOptions(['--help']), undefined);
  for (const option of ['minutes', 'seed', 'load', 'reload', 'only', 'json'])
    t.match(SOAK_HELP, `--${option}`);
  t.throws(() => readSoakOptions(['--minutes', '0']), { code: 'bench_option' });
  t.throws(() => readSoakOptions(['--what']), { code: 'bench_option' });
  t.end();
});

t.test('the pattern has no two neighbouring KiB that are alike', (t) => {
  const bytes = patternBytes(64 * 1024);
  for (let at = 1024; at < bytes.length; at += 1024)
    if (bytes.subarray(at, at + 1024).equals(bytes.subarray(at - 1024, at))) t.fail(String(at));
  t.end();
});

t.test('metrics as text', (t) => {
  const text = '# HELP a b\n# TYPE a gauge\na{x="1",y="q\\"r"} 2.5\nb 3\n\nc_total{le="+Inf"} 1e3\n';
  t.same(parseMetrics(text), [
    { name: 'a', labels: { x: '1', y: 'q\\"r' }, value: 2.5 },
    { name: 'b', labels: {}, value: 3 },
    { name: 'c_total', labels: { le: '+Inf' }, value: 1000 },
  ]);
  t.end();
});

t.test('curves: escaped, inside the picture, every panel and mark drawn', (t) => {
  const svg = svgCurves({
    title: 'A < B',
    subtitle: 's',
    xUnit: 'min',
    columns: 2,
    marks: [{ x: 1, colour: '#f00' }],
    footer: ['machine'],
    panels: ['one', 'two', 'three'].map((title) => ({
      title,
      unit: 'MiB',
      curves: [
        {
          label: 'a',
          points: [
            { x: 0, y: 1 },
            { x: 2, y: 300 },
          ],
        },
        {
          label: 'b',
          points: [
            { x: 0, y: 0 },
            { x: 2, y: 0 },
          ],
        },
      ],
    })),
  });
  t.match(svg, 'A &lt; B');
  t.equal(svg.match(/<polyline/g)?.length, 6);
  t.equal(svg.match(/stroke="#f00"/g)?.length, 3);
  t.notMatch(svg, /NaN|undefined|Infinity/);
  const [, width = 0, height = 0] = (/viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []).map(Number);
  const points = [...svg.matchAll(/points="([^"]+)"/g)].flatMap((it) => (it[1] ?? '').split(' '));
  t.ok(
    points.every((it) =>
      it.split(',').every((at, axis) => Number(at) >= 0 && Number(at) <= (axis === 0 ? width : height)),
    ),
  );
  t.notMatch(
    svgCurves({ title: '', subtitle: '', xUnit: '', columns: 1, marks: [], footer: [], panels: [] }),
    /NaN/,
  );
  t.end();
});
