/** What a soak comes to: verdicts, table, curves. Pure. */
import { type CurveChart, svgCurves } from '../report/lines.ts';
import { textTable } from '../report/table.ts';
import type { SoakResult } from './run.ts';
import { growth, type Point, slopePerMinute } from './trend.ts';
import type { Sample } from './watch.ts';

const MIB = 2 ** 20;
/** What a heap that is collected now and then, and buffers that are kept for use again, may move by. */
const MAX_GROWTH_MIB = 48;
/** Runs of at least this many minutes are held to a slope; shorter ones are still warming up. */
const SLOPE_FROM_MINUTES = 5;
const MAX_SLOPE_MIB_A_MINUTE = 2;

export interface SoakFigures {
  readonly minutes: number;
  readonly requests: number;
  readonly tries: number;
  readonly rssSlopeMibAMinute: number;
  readonly rssGrowthMib: number;
  readonly heapSlopeMibAMinute: number;
  readonly maxRssMib: number;
  readonly reloads: number;
  readonly kills: number;
}

function pointsOf(samples: readonly Sample[], value: (sample: Sample) => number): Point[] {
  return samples.map((sample) => ({ atMs: sample.atMs, value: value(sample) }));
}

export function figuresOf({ samples, events, ledger }: SoakResult): SoakFigures {
  // The first third is compilation, pools that fill, connections that come.
  const steady = samples.slice(Math.floor(samples.length / 3));
  const rss = pointsOf(steady, ({ rssBytes }) => rssBytes / MIB);
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    minutes: round((samples.at(-1)?.atMs ?? 0) / 60_000),
    requests: samples.at(-1)?.requests ?? 0,
    tries: ledger.total,
    rssSlopeMibAMinute: round(slopePerMinute(rss)),
    rssGrowthMib: round(growth(pointsOf(samples, ({ rssBytes }) => rssBytes / MIB))),
    heapSlopeMibAMinute: round(slopePerMinute(pointsOf(steady, ({ heapBytes }) => heapBytes / MIB))),
    maxRssMib: round(Math.max(0, ...samples.map(({ rssBytes }) => rssBytes / MIB))),
    reloads: events.filter(({ what }) => what === 'reload').length,
    kills: events.filter(({ what }) => what === 'kill').length,
  };
}

/** Everything that speaks against it, one line each; none: it passed. */
export function verdictOf(result: SoakResult, figures: SoakFigures): string[] {
  const lines = [...result.problems];
  for (const { client, kind } of result.ledger.unexplained.slice(0, 20))
    lines.push(`unexplained: ${client}: ${kind}`);
  const more = result.ledger.unexplained.length - 20;
  if (more > 0) lines.push(`unexplained: ${more} more`);
  if (figures.rssGrowthMib > MAX_GROWTH_MIB)
    lines.push(`memory grew by ${figures.rssGrowthMib} MiB from the second quarter to the last`);
  if (figures.minutes >= SLOPE_FROM_MINUTES && figures.rssSlopeMibAMinute > MAX_SLOPE_MIB_A_MINUTE)
    lines.push(`memory grows by ${figures.rssSlopeMibAMinute} MiB a minute`);
  return lines;
}

export function outcomeTable({ ledger }: SoakResult): string {
  return textTable(
    ['client and outcome', 'count', 'why'],
    ledger.rows().map(([what, count, why]) => [what, String(count), why]),
  );
}

export function curvesOf(result: SoakResult, figures: SoakFigures, footer: readonly string[]): string {
  const { samples, events } = result;
  const curve = (label: string, value: (sample: Sample, before: Sample | undefined) => number) => ({
    label,
    points: samples.map((sample, i) => ({ x: sample.atMs / 60_000, y: value(sample, samples[i - 1]) })),
  });
  const rate = (now: Sample, before: Sample | undefined): number =>
    before === undefined ? 0 : ((now.requests - before.requests) / (now.atMs - before.atMs)) * 1000;
  const chart: CurveChart = {
    title: `${figures.minutes} minutes of everything at once`,
    subtitle: `${figures.requests} requests, ${figures.reloads} reloads (blue), ${figures.kills} servers killed (red); memory moves by ${figures.rssSlopeMibAMinute} MiB a minute`,
    xUnit: 'min',
    columns: 2,
    panels: [
      {
        title: 'Memory of the daemon',
        unit: 'MiB',
        curves: [
          curve('resident', ({ rssBytes }) => rssBytes / MIB),
          curve('heap of threads', ({ heapBytes }) => heapBytes / MIB),
        ],
      },
      {
        title: 'Open descriptors and client connections',
        unit: '',
        curves: [
          curve('descriptors', ({ descriptors }) => descriptors),
          curve('connections', ({ connections }) => connections),
        ],
      },
      { title: 'Requests', unit: 'a second', curves: [curve('requests', rate)] },
      { title: 'Requests in flight', unit: '', curves: [curve('in flight', ({ inFlight }) => inFlight)] },
      {
        title: 'Event loop, longest delay of a thread in its last period',
        unit: 'ms',
        curves: [curve('delay', ({ loopDelayMs }) => loopDelayMs)],
      },
    ],
    marks: events.map(({ atMs, what }) => ({
      x: atMs / 60_000,
      colour: what === 'kill' ? '#f3c3c3' : '#d6e6f2',
    })),
    footer,
  };
  return svgCurves(chart);
}
