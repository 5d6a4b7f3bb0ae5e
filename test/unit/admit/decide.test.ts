/** The breaker's decision: every mode, event and time, against the rules in a table. */
import t from 'tap';
import {
  BREAKER_MODES,
  type BreakerEvent,
  type BreakerMode,
  type BreakerOptions,
  decideBreaker,
  MAX_OPEN_MS,
  openTimeMs,
  probesAtOnce,
} from '../../../src/admit/decide.ts';

const OPTIONS: BreakerOptions = {
  failureRate: 0.5,
  minRequests: 10,
  windowMs: 10_000,
  consecutiveErrors: 5,
  openMs: 5000,
  probes: 3,
};

const failed = (requests: number, failures: number, inARow: number, wasProbe = false): BreakerEvent => ({
  kind: 'failed',
  wasProbe,
  counts: { requests, failures, inARow },
});
const answered = (wasProbe = false): BreakerEvent => ({ kind: 'answered', wasProbe });
const request: BreakerEvent = { kind: 'request' };

function said(
  mode: BreakerMode,
  event: BreakerEvent,
  state: { forMs?: number; timesOpen?: number; probesAnswered?: number } = {},
  options: Partial<BreakerOptions> = {},
): string {
  const { forMs = 0, timesOpen = 1, probesAnswered = 0 } = state;
  const decision = decideBreaker({ mode, forMs, timesOpen, probesAnswered }, event, {
    ...OPTIONS,
    ...options,
  });
  if (decision.kind === 'turn') return decision.to;
  return decision.kind === 'refuse' ? `refuse ${decision.retryMs}` : decision.kind;
}

t.test('closed: opens by a row or by a share, with enough requests', async (t) => {
  const table: [BreakerEvent, Partial<BreakerOptions>, string][] = [
    [request, {}, 'pass'],
    [answered(), {}, 'stay'],
    [failed(9, 9, 4), {}, 'stay'],
    [failed(10, 4, 4), {}, 'stay'],
    [failed(10, 5, 4), {}, 'open'],
    [failed(10, 10, 4), { failureRate: 0 }, 'stay'],
    [failed(5, 5, 5), {}, 'open'],
    [failed(5, 5, 5), { consecutiveErrors: 0 }, 'stay'],
    [failed(100, 100, 100), { consecutiveErrors: 0, failureRate: 0 }, 'stay'],
    [failed(1, 1, 1), { consecutiveErrors: 1 }, 'open'],
    [failed(10, 9, 1), { failureRate: 1 }, 'stay'],
    [failed(10, 10, 1), { failureRate: 1 }, 'open'],
  ];
  for (const [event, options, expected] of table)
    t.equal(said('closed', event, {}, options), expected, JSON.stringify({ event, options }));
});

t.test('open: refuses until its time is over, and longer each time', async (t) => {
  t.equal(said('open', request, { forMs: 0 }), 'refuse 5000');
  t.equal(said('open', request, { forMs: 4999 }), 'refuse 1');
  t.equal(said('open', request, { forMs: 5000 }), 'half_open');
  t.equal(said('open', request, { forMs: 5000, timesOpen: 3 }), 'refuse 10000');
  t.equal(said('open', request, { forMs: 15_000, timesOpen: 3 }), 'half_open');
  // (Whoever turned it has not written how often yet.)
  t.equal(said('open', request, { forMs: 0, timesOpen: 0 }), 'refuse 5000');
  t.equal(openTimeMs(1000, OPTIONS), MAX_OPEN_MS);
  t.equal(
    openTimeMs(2, { ...OPTIONS, openMs: 2 * MAX_OPEN_MS }),
    2 * MAX_OPEN_MS,
    'never less than asked for',
  );
});

t.test('half open: a few try; all have to be answered, one failure is enough', async (t) => {
  t.equal(said('half_open', request), 'probe');
  t.equal(said('half_open', answered(true), { probesAnswered: 1 }), 'stay');
  t.equal(said('half_open', answered(true), { probesAnswered: 2 }), 'closed');
  t.equal(said('half_open', answered(true), {}, { probes: 1 }), 'closed');
  t.equal(said('half_open', failed(1, 1, 1, true), { probesAnswered: 2 }), 'open');
});

t.test('half open for long: probes that never end hold nobody up', async (t) => {
  const table: [forMs: number, max: number][] = [
    [0, 3],
    [4999, 3],
    [5000, 6],
    [14_999, 9],
  ];
  for (const [forMs, max] of table) {
    t.equal(probesAtOnce(forMs, OPTIONS), max, `${forMs} ms`);
    const state = { mode: 'half_open', forMs, timesOpen: 1, probesAnswered: 0 } as const;
    t.same(decideBreaker(state, request, OPTIONS), { kind: 'probe', max });
  }
});

t.test('every combination: what must never happen', async (t) => {
  const events = [request, ...[false, true].flatMap((it) => [answered(it), failed(100, 100, 100, it)])];
  let seen = 0;
  for (const mode of BREAKER_MODES)
    for (const event of events)
      for (const forMs of [0, 1, 4999, 5000, 5001, 10 ** 9])
        for (const timesOpen of [0, 1, 2, 70])
          for (const probesAnswered of [0, 1, 2, 3]) {
            const text = said(mode, event, { forMs, timesOpen, probesAnswered });
            const what = `${mode} ${JSON.stringify(event)} ${forMs} ${timesOpen} ${probesAnswered}: ${text}`;
            seen++;
            const isRequest = event.kind === 'request';
            const isResult = ['stay', 'open', 'closed'].includes(text);
            if (isRequest === isResult) t.fail(`requests get an answer, results do not: ${what}`);
            if (mode === 'closed' && isRequest && text !== 'pass') t.fail(`closed lets all through: ${what}`);
            if (mode === 'open' && text === 'pass') t.fail(`open lets nobody through: ${what}`);
            if (mode !== 'half_open' && text === 'closed') t.fail(`closes by probes only: ${what}`);
            if (text === mode) t.fail(`turns to what it is: ${what}`);
            // Late results of requests from before it opened.
            if (mode !== 'closed' && !isRequest && !event.wasProbe && text !== 'stay')
              t.fail(`late: ${what}`);
          }
  t.equal(seen, 3 * 5 * 6 * 4 * 4);
});
