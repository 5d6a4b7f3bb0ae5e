/** Tables of plain text: pure. */

import type { Interval } from '../stats.ts';
import type { CellSummary, Judgement } from '../summary.ts';

/** Columns padded to their widest entry; the first is set to the left, the others to the right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((entry, column) =>
        column === 0 ? entry.padEnd(widths[0] ?? 0) : entry.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

/** Three digits that count: 0.123, 1.23, 12.3, 123, 1234. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

export function withInterval({ median, low, high }: Interval): string {
  return `${figure(median)} [${figure(low)}, ${figure(high)}]`;
}

/** The intervals are of this confidence; said once under a table, with what they really cover. */
export function intervalNote(interval: Interval): string {
  const percent = (interval.coverage * 100).toFixed(1);
  const few = interval.coverage < 0.95 ? ' (too few rounds for 95 %: at least 6 are needed)' : '';
  return `median of ${interval.count} interleaved rounds [interval that holds the true median with ${percent} %]${few}`;
}

export function cellTable(summary: CellSummary): string {
  const head = ['proxy', 'CPU-us/request', 'sluice / this', 'requests/s', 'p50 ms', 'p99 ms'];
  const rows = summary.rows.map((row) => [
    row.subject,
    withInterval(row.cpuUs),
    row.oursOverThis === undefined ? '' : withInterval(row.oursOverThis),
    figure(row.requestsPerSecond.median),
    figure(row.p50Ms),
    figure(row.p99Ms),
  ]);
  return `${summary.cell}\n${textTable(head, rows)}`;
}

export function judgementTable(judgements: readonly Judgement[]): string {
  return textTable(
    ['to reach', 'measured', 'limit', 'verdict'],
    judgements.map(({ what, value, bound, limit, unit, verdict }) => [
      what,
      `${withInterval(value)} ${unit}`,
      `${bound === 'at most' ? '<=' : '>='} ${limit} ${unit}`,
      verdict,
    ]),
  );
}
