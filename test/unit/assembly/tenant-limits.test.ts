/** Limits that wait until it is known who asks: which of them refuses, in which order, and what that costs the others. */
import t from 'tap';
import {
  compileLimits,
  compileTenantLimits,
  lateGates,
  limitsSnapshot,
} from '../../../src/assembly/limits.ts';
import type { ConcurrencyConfig, LimitsConfig, RateLimitConfig } from '../../../src/config/index.ts';
import { LimiterTable, PlaceTable, type SharedLimits } from '../../../src/limit/index.ts';
import { type HeldPlace, leavePlaces } from '../../../src/proxy/concurrency-limits.ts';
import type { Exchange } from '../../../src/proxy/exchange.ts';
import type { Gate } from '../../../src/proxy/gate.ts';

const HOUR_MS = 3_600_000;
const TENANT = { key: { kind: 'tenant' }, dryRun: false } as const;
const perHour = (count: number, more: Partial<RateLimitConfig> = {}): RateLimitConfig => ({
  ...TENANT,
  count,
  windowMs: HOUR_MS,
  burst: undefined,
  shared: false,
  ...more,
});
const places = (max: number, more: Partial<ConcurrencyConfig> = {}): ConcurrencyConfig => ({
  ...TENANT,
  max,
  ...more,
});
const limitsOf = (
  rateLimits: readonly RateLimitConfig[],
  concurrency: readonly ConcurrencyConfig[] = [],
): LimitsConfig => ({ rateLimits, concurrency });
const NONE = limitsOf([]);

interface Case {
  readonly what: string;
  /** Of the route `narrow`; `wide` has none. */
  readonly route?: LimitsConfig;
  readonly acme: LimitsConfig;
  /** Requests in turn: when, of whom, by which route; "stays" is in flight until "end" ends the oldest that is. */
  readonly steps: readonly (
    | readonly [ms: number, tenant: string, route: 'narrow' | 'wide', outcome: string, stays?: 'stays']
    | 'end'
  )[];
}

const CASES: readonly Case[] = [
  {
    what: 'two routes share it; other tenants, and who is none, do not',
    acme: limitsOf([perHour(3)]),
    steps: [
      [0, 'acme', 'wide', 'ok'],
      [0, 'acme', 'narrow', 'ok'],
      [0, 'other', 'wide', 'ok'],
      [0, '', 'wide', 'ok'],
      [0, 'acme', 'wide', 'ok'],
      [0, 'acme', 'narrow', 'limited_tenant "tenant";q=3;w=3600'],
      [0, 'other', 'narrow', 'ok'],
      [0, 'Acme', 'narrow', 'ok'],
    ],
  },
  {
    what: 'what one route refuses leaves the tenant its others',
    route: limitsOf([perHour(1)]),
    acme: limitsOf([perHour(3)]),
    steps: [
      [0, 'acme', 'narrow', 'ok'],
      [0, 'acme', 'narrow', 'limited "tenant";q=1;w=3600'],
      [0, 'acme', 'narrow', 'limited "tenant";q=1;w=3600'],
      [0, 'acme', 'wide', 'ok'],
      [0, 'acme', 'wide', 'ok'],
      [0, 'acme', 'wide', 'limited_tenant "tenant";q=3;w=3600'],
    ],
  },
  {
    what: 'a rate of the tenant that refuses costs the route nothing',
    route: limitsOf([perHour(2)]),
    acme: limitsOf([perHour(1, { windowMs: 1000, burst: 1 })]),
    steps: [
      [0, 'acme', 'narrow', 'ok'],
      [0, 'acme', 'narrow', 'limited_tenant "tenant";q=1;w=1'],
      [0, 'acme', 'narrow', 'limited_tenant "tenant";q=1;w=1'],
      [1000, 'acme', 'narrow', 'ok'],
      [2000, 'acme', 'narrow', 'limited "tenant";q=2;w=3600'],
      [2000, 'acme', 'wide', 'ok'],
    ],
  },
  {
    what: 'nor does its concurrency',
    route: limitsOf([perHour(2)]),
    acme: limitsOf([], [places(1)]),
    steps: [
      [0, 'acme', 'narrow', 'ok', 'stays'],
      [0, 'acme', 'narrow', 'limited_tenant_concurrency'],
      [0, 'acme', 'wide', 'limited_tenant_concurrency'],
      [0, 'other', 'wide', 'ok', 'stays'],
      'end',
      [0, 'acme', 'narrow', 'ok'],
      [0, 'acme', 'narrow', 'limited "tenant";q=2;w=3600'],
    ],
  },
  {
    what: 'concurrency is asked before the rate, which it costs nothing; whom the rate refuses holds no place',
    acme: limitsOf([perHour(2)], [places(1)]),
    steps: [
      [0, 'acme', 'wide', 'ok', 'stays'],
      [0, 'acme', 'wide', 'limited_tenant_concurrency'],
      'end',
      [0, 'acme', 'wide', 'ok'],
      [0, 'acme', 'wide', 'limited_tenant "tenant";q=2;w=3600'],
      [0, 'acme', 'wide', 'limited_tenant "tenant";q=2;w=3600'],
    ],
  },
  {
    what: 'all of a list, and dry runs refuse nobody',
    acme: limitsOf(
      [perHour(1, { dryRun: true }), perHour(2), perHour(3, { windowMs: 2 * HOUR_MS })],
      [places(1, { dryRun: true }), places(2)],
    ),
    steps: [
      [0, 'acme', 'wide', 'ok', 'stays'],
      [0, 'acme', 'wide', 'ok', 'stays'],
      [0, 'acme', 'wide', 'limited_tenant_concurrency'],
      'end',
      [0, 'acme', 'wide', 'limited_tenant "tenant";q=2;w=3600'],
      [HOUR_MS * 1.1, 'acme', 'wide', 'ok'],
      [HOUR_MS * 1.1, 'acme', 'wide', 'limited_tenant "tenant";q=3;w=7200'],
    ],
  },
];

/** As much of one as limits look at; it ends as soon as it is refused, as a real one does. */
class FakeExchange {
  readonly asker = { key: { hi: 1, lo: 1 }, identity: { clientIp: '10.0.0.1' } };
  readonly listener = { cells: { countLimited: () => {}, countLimitedDryRun: () => {} } };
  readonly deps = { log: { info: () => {} } };
  readonly stream: { readonly startedMs: number };
  readonly tenant: string;
  places: HeldPlace | null = null;
  isFinished = false;
  outcome = 'ok';

  constructor(startedMs: number, tenant: string) {
    this.stream = { startedMs };
    this.tenant = tenant;
  }

  refuse(reason: string, _: string, fields: string): void {
    const policy = /^RateLimit-Policy: (.*?)\r$/m.exec(fields)?.[1];
    this.outcome = policy === undefined ? reason : `${reason} ${policy}`;
    this.finish();
  }

  finish(): void {
    leavePlaces(this.places);
    this.isFinished = true;
  }
}

function tables() {
  const seed = Buffer.alloc(8, 1);
  return {
    limiter: LimiterTable.create({ entries: 64, seed, nowMs: 0 }),
    places: PlaceTable.attach(PlaceTable.create({ entries: 64, threads: 1, seed }).buffer, 0),
  };
}

const tenantNamed = (name: string, limits: LimitsConfig) => ({
  name,
  ...limitsSnapshot(`tenant:${name}`, limits, 'tenant'),
});

t.test('who refuses, and what it costs', async (t) => {
  for (const { what, route = NONE, acme, steps } of CASES) {
    const shared = tables();
    const tenants = compileTenantLimits(
      [tenantNamed('acme', acme), tenantNamed('other', NONE)],
      shared,
      () => null,
    );
    const gatesOf = (name: string, limits: LimitsConfig): readonly Gate[] =>
      lateGates(
        compileLimits(limitsSnapshot(`route:${name}`, limits), shared, () => null),
        tenants,
      );
    const gates = { narrow: gatesOf('narrow', route), wide: gatesOf('wide', NONE) };
    const inFlight: FakeExchange[] = [];
    for (const [i, step] of steps.entries()) {
      if (step === 'end') {
        inFlight.shift()?.finish();
        continue;
      }
      const [ms, tenant, by, wanted, stays] = step;
      const exchange = new FakeExchange(ms, tenant);
      const passes = gates[by].every((gate) => gate.check(exchange as unknown as Exchange) === true);
      t.equal(exchange.outcome, wanted, `${what}: step ${i}`);
      t.equal(passes, wanted === 'ok', `${what}: step ${i} is answered or goes on`);
      if (stays) inFlight.push(exchange);
      else if (passes) exchange.finish();
    }
    for (const exchange of inFlight) exchange.finish();
    t.equal(shared.places.stats().taken, 0, `${what}: all places are back`);
  }
});

t.test('no gate where there is nothing to ask', async (t) => {
  const shared = tables();
  const compiledRoute = compileLimits(limitsSnapshot('route:a', NONE), shared, () => null);
  const limited = compileTenantLimits([tenantNamed('acme', limitsOf([perHour(1)]))], shared, () => null);
  const unlimited = compileTenantLimits([tenantNamed('acme', NONE)], shared, () => null);
  t.equal(lateGates(compiledRoute, null).length, 0, 'nobody is known on the route');
  t.equal(lateGates(compiledRoute, unlimited).length, 0);
  t.equal(lateGates(compiledRoute, limited).length, 1);
});

t.test(
  'shared limits of a tenant: whom one of them refuses, or who has left, costs the next nothing',
  async (t) => {
    const taken: string[] = [];
    const answers: ((passes: boolean) => void)[] = [];
    const outside = {
      isShared: true,
      noteLocal: () => {},
      take: ({ name, count }: { readonly name: string; readonly count: number }, key: string) => {
        taken.push(`${name} ${count} ${key.length}`);
        return new Promise((resolve) => {
          answers.push((allowed) => resolve({ allowed, resetMs: 1000 }));
        });
      },
    } as unknown as SharedLimits;
    const shared = tables();
    const acme = limitsOf([
      perHour(10, { shared: true }),
      perHour(20, { shared: true }),
      perHour(1, { shared: true, dryRun: true }),
    ]);
    const tenants = compileTenantLimits([tenantNamed('acme', acme)], shared, () => outside);
    const compiledRoute = compileLimits(limitsSnapshot('route:a', NONE), shared, () => outside);
    const [gate, ...more] = lateGates(compiledRoute, tenants);
    t.equal(more.length, 0);
    const ask = (tenant: string) => {
      const exchange = new FakeExchange(0, tenant);
      return { exchange, passes: gate?.check(exchange as unknown as Exchange) };
    };
    t.equal(ask('other').passes, true);
    t.equal(ask('').passes, true);
    t.same(taken, []);

    const first = ask('acme');
    answers.shift()?.(true);
    await Promise.resolve();
    const second = ask('acme');
    answers.pop()?.(false);
    t.equal(await second.passes, false);
    t.equal(second.exchange.outcome, 'limited_tenant "tenant";q=10;w=3600');
    first.exchange.finish();
    for (const answer of answers.splice(0)) answer(true);
    t.equal(await first.passes, false, 'gone');

    const third = ask('acme');
    taken.length = 0;
    answers.shift()?.(true);
    await new Promise(setImmediate);
    answers.shift()?.(true);
    await new Promise(setImmediate);
    answers.shift()?.(false);
    t.equal(await third.passes, true, 'the third is a dry run');
    t.same(taken, ['tenant:acme 20 20', 'tenant:acme/dry_run 1 20']);
  },
);
