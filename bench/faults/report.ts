/** What a run of bench/faults.ts comes to: whether the log tells of each fault, verdict, tables, curves. Pure. */
import { type CurveChart, svgCurves } from '../report/lines.ts';
import { figure, textTable, withInterval } from '../report/table.ts';
import { type Interval, judge, medianInterval, pairedRatios, quantile, type Verdict } from '../stats.ts';
import type { Failure, Second } from './crowd.ts';
import type { Fault } from './faulty.ts';

/** With one server ten times slower the 99th percentile may be so many times that without. */
export const SLOW_LIMIT = 2;

/** One fault of one server; times since the start of the run, and of the wall clock for the log. */
export interface Turn {
  readonly fault: Fault;
  readonly server: string;
  readonly brokenAtMs: number;
  readonly mendedAtMs: number;
  readonly backAtMs: number;
  readonly wallFromMs: number;
  readonly wallToMs: number;
  /** Attempts in it that failed, as far as they were repeated or failed for good. */
  readonly failures: number;
}

/** So many in a row eject a server; one that is hardly asked, since it was bad just before, may stay below that. */
const EJECTED_AFTER = 5;

/** A line of the daemon's log, as far as it matters here. */
export interface LogLine {
  /** RFC 3339. */
  readonly time: string;
  readonly message: string;
  readonly server?: string;
  readonly why?: string;
}

const OUT: ReadonlySet<string> = new Set(['server is unhealthy', 'server is ejected']);
const IN: ReadonlySet<string> = new Set(['server is healthy', 'server is tried again']);

/** Lines of the log that say that the server of a turn left its pool, or came back, within it. */
export function tracesOf(turn: Turn, log: readonly LogLine[]): { out: LogLine[]; back: LogLine[] } {
  const own = log.filter(({ time, server }) => {
    const atMs = Date.parse(time);
    return server === turn.server && atMs >= turn.wallFromMs && atMs <= turn.wallToMs;
  });
  return {
    out: own.filter(({ message }) => OUT.has(message)),
    back: own.filter(({ message }) => IN.has(message)),
  };
}

/** What the log owes for a turn; a slow server still serves, and one that answers checks and is avoided stays: for those it owes nothing. */
export function missingTraces(turn: Turn, log: readonly LogLine[]): string[] {
  if (turn.fault === 'slow' || (turn.fault === 'garbage' && turn.failures < EJECTED_AFTER)) return [];
  const { out, back } = tracesOf(turn, log);
  const name = `${turn.fault} of ${turn.server} at ${(turn.brokenAtMs / 1000).toFixed(1)} s`;
  const missing: string[] = [];
  if (out.length === 0) missing.push(`${name}: no line of the log says that it is out`);
  if (out.some(({ why = '' }) => why === '')) missing.push(`${name}: it is out without a reason`);
  if (back.length === 0) missing.push(`${name}: no line of the log says that it is back`);
  return missing;
}

export interface SlowJudgement {
  readonly soundMs: Interval;
  readonly slowMs: Interval;
  readonly ratio: Interval;
  readonly verdict: Verdict;
}

/** The 99th percentiles of both sides of each round, and their ratio. */
export function judgeSlow(
  pairs: readonly { readonly soundMs: readonly number[]; readonly slowMs: readonly number[] }[],
): SlowJudgement | null {
  if (pairs.length === 0) return null;
  const sound = pairs.map(({ soundMs }) => quantile(soundMs, 0.99));
  const slow = pairs.map(({ slowMs }) => quantile(slowMs, 0.99));
  const ratio = medianInterval(pairedRatios(slow, sound));
  return {
    soundMs: medianInterval(sound),
    slowMs: medianInterval(slow),
    ratio,
    verdict: judge(ratio, 'at most', SLOW_LIMIT),
  };
}

export interface FaultsOutcome {
  readonly failures: readonly Failure[];
  readonly turns: readonly Turn[];
  readonly log: readonly LogLine[];
  readonly problems: readonly string[];
  readonly slow: SlowJudgement | null;
}

/** Everything that speaks against it, one line each; none: it passed. */
export function verdictOf({ failures, turns, log, problems, slow }: FaultsOutcome): string[] {
  const lines = [...problems, ...turns.flatMap((turn) => missingTraces(turn, log))];
  for (const { atMs, method, what, durationMs } of failures.slice(0, 20))
    lines.push(`failed at ${(atMs / 1000).toFixed(2)} s: ${method}: ${what} (${durationMs} ms)`);
  if (failures.length > 20) lines.push(`failed: ${failures.length - 20} more`);
  if (slow?.verdict === 'missed')
    lines.push(`one slow server: p99 is ${withInterval(slow.ratio)} times that without, limit ${SLOW_LIMIT}`);
  return lines;
}

/** One row a kind of fault. */
export function faultTable(turns: readonly Turn[], log: readonly LogLine[], seconds: readonly Second[]) {
  const kinds = [...new Set(turns.map(({ fault }) => fault))].sort();
  const rows = kinds.map((kind) => {
    const mine = turns.filter(({ fault }) => fault === kind);
    const whys = mine.flatMap((turn) => tracesOf(turn, log).out.map(({ why = '' }) => why));
    const durations = mine.flatMap(({ brokenAtMs, mendedAtMs }) =>
      seconds
        .filter(({ atS }) => atS * 1000 >= brokenAtMs && atS * 1000 < mendedAtMs)
        .flatMap(({ durationsMs }) => durationsMs),
    );
    const at = (q: number): string => (durations.length === 0 ? '' : figure(quantile(durations, q)));
    const back = medianInterval(mine.map(({ mendedAtMs, backAtMs }) => backAtMs - mendedAtMs)).median;
    return [
      kind,
      String(mine.length),
      at(0.5),
      at(0.99),
      at(1),
      (back / 1000).toFixed(1),
      [...new Set(whys)].slice(0, 2).join('; '),
    ];
  });
  return textTable(['fault', 'turns', 'p50 ms', 'p99 ms', 'max ms', 'back after s', 'in the log'], rows);
}

const COLOURS: Readonly<Record<Fault, string>> = {
  kill: '#f3c3c3',
  freeze: '#c9dff2',
  slow: '#f2e3bf',
  garbage: '#dccbe8',
};

export function faultCurves(
  seconds: readonly Second[],
  turns: readonly Turn[],
  subtitle: string,
  footer: readonly string[],
): string {
  const full = seconds.filter(({ durationsMs }) => durationsMs.length > 0);
  const curve = (label: string, value: (second: Second) => number) => ({
    label,
    points: full.map((second) => ({ x: second.atS, y: value(second) })),
  });
  const chart: CurveChart = {
    title: 'Servers killed (red), frozen (blue), slow (yellow) and talking nonsense (violet)',
    subtitle,
    xUnit: 's',
    columns: 2,
    panels: [
      {
        title: 'Requests',
        unit: 'a second',
        curves: [
          curve('answered', (it) => it.durationsMs.length - it.failed),
          curve('failed', (it) => it.failed),
        ],
      },
      {
        title: 'Time to the whole answer',
        unit: 'ms',
        curves: [
          curve('median', (it) => quantile(it.durationsMs, 0.5)),
          curve('99 of 100', (it) => quantile(it.durationsMs, 0.99)),
        ],
      },
    ],
    marks: turns.flatMap(({ fault, brokenAtMs, mendedAtMs }) =>
      [brokenAtMs, mendedAtMs].map((atMs) => ({ x: atMs / 1000, colour: COLOURS[fault] })),
    ),
    footer,
  };
  return svgCurves(chart);
}
