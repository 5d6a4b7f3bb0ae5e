import t from 'tap';
import { type Chart, gridStep, svgChart } from '../../../bench/report/chart.ts';
import { figure, intervalNote, textTable, withInterval } from '../../../bench/report/table.ts';
import { titleOf } from '../../../bench/report/write.ts';

t.test('table: first column to the left, figures to the right', (t) => {
  t.equal(
    textTable(
      ['proxy', 'CPU'],
      [
        ['nginx', '17.9'],
        ['http-proxy', '107'],
      ],
    ),
    ['proxy        CPU', '----------  ----', 'nginx       17.9', 'http-proxy   107'].join('\n'),
  );
  t.end();
});

t.test('figures have three digits that count', (t) => {
  for (const [value, expected] of [
    [0.1234, '0.123'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [1234.4, '1234'],
    [-0.05, '-0.050'],
  ] as const) {
    t.equal(figure(value), expected);
  }
  const interval = { median: 1.2, low: 1.1, high: 1.3, coverage: 0.75, count: 3 };
  t.equal(withInterval(interval), '1.20 [1.10, 1.30]');
  t.match(intervalNote(interval), /75\.0 %\] \(too few rounds/);
  t.notMatch(intervalNote({ ...interval, coverage: 0.96, count: 9 }), /too few/);
  t.end();
});

t.test('grid lines lie on round numbers, at most six of them', (t) => {
  for (const [max, step] of [
    [100, 20],
    [107, 50],
    [1870, 500],
    [0.9, 0.2],
  ] as const) {
    t.ok(Math.abs(gridStep(max) - step) < 1e-9, `${max}: ${gridStep(max)}`);
  }
  t.end();
});

t.test('chart: whiskers and notes, names escaped, nothing outside the picture', (t) => {
  const chart: Chart = {
    title: 'A < B & "C"',
    subtitle: 'sub',
    columns: 2,
    panels: ['one', 'two', 'three'].map((title) => ({
      title,
      unit: 'us',
      bars: [
        { label: 'sluice', value: 20, low: 19, high: 21, isOurs: true },
        { label: 'other', value: 100, low: 90, high: 130, note: '100 (5x)', isOurs: false },
      ],
    })),
    footer: ['machine'],
  };
  const svg = svgChart(chart);
  t.match(svg, 'A &lt; B &amp; &quot;C&quot;');
  t.match(svg, '100 (5x)');
  t.equal(svg.match(/<rect/g)?.length, 1 + 6);
  const [, width = 0, height = 0] = (/viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []).map(Number);
  const inside = (pattern: RegExp, most: number): boolean =>
    [...svg.matchAll(pattern)].every(([, at]) => Number(at) >= 0 && Number(at) <= most);
  t.ok(inside(/\bx[12]?="(-?[\d.]+)"/g, width), 'left to right');
  t.ok(inside(/\by[12]?="(-?[\d.]+)"/g, height), 'top to bottom');
  t.notMatch(svg, /NaN|undefined|Infinity/);
  t.end();
});

t.test('titles of cells', (t) => {
  t.equal(titleOf('tls-small varied'), 'Small JSON answer, TLS, varied');
  t.equal(titleOf('other alike'), 'other, alike');
  t.end();
});
