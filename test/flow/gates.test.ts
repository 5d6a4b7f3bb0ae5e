/** A gate that waits for somebody outside: the request's body waits with it, and whatever happens meanwhile ends it once. */
import t, { type Test } from 'tap';
import { HttpFault } from '../../src/http/index.ts';
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts';
import { fastRandom } from '../../src/kernel/random.ts';
import type { Exchange } from '../../src/proxy/exchange.ts';
import { FaultGate } from '../../src/proxy/faults.ts';
import type { Gate } from '../../src/proxy/gate.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { AskingGate, GATED_WIRES, GatedProxy, type GatedWire } from '../support/gated-proxy.ts';
import { fieldOf, ok } from '../support/peer.ts';
import type { Changes } from '../support/proxied.ts';

interface Played {
  readonly t: Test;
  readonly wire: GatedWire;
  readonly gate: AskingGate;
  readonly proxy: GatedProxy;
}

function test(
  name: string,
  body: (played: Played) => Promise<void>,
  changes: Changes = {},
  more: Gate[] = [],
): void {
  for (const wire of GATED_WIRES)
    void t.test(`${name}, ${wire}`, async (t) => {
      const gate = new AskingGate();
      await using proxy = await GatedProxy.start(wire, [gate, ...more], changes);
      await body({ t, wire, gate, proxy });
      t.equal(proxy.inFlight(), 0, 'nothing is left in flight');
    });
}

const LARGE = Buffer.alloc(512 * 1024, 'x');

test('without a body', async ({ t, gate, proxy }) => {
  await using client = await proxy.client();
  client.begin('GET', 0);
  const { settle } = await gate.next();
  t.equal(proxy.server.connections, 0, 'no server hears of it yet');
  settle(true);
  const server = await proxy.server.accept();
  await server.request();
  server.write(ok('passed'));
  t.same(await client.answer(), { status: 200, body: 'passed' });
  t.equal((await proxy.ended()).reason, 'ok');
});

/** The machine's time, and so much later as the test says. */
class LaterClock implements Clock {
  laterMs = 0;
  nowMs(): number {
    return systemClock.nowMs() + this.laterMs;
  }
  wallMs(): number {
    return systemClock.wallMs();
  }
  setTimer(delayMs: number, fire: () => void): Timer {
    return systemClock.setTimer(delayMs, fire);
  }
  setTicker(periodMs: number, fire: () => void): Timer {
    return systemClock.setTicker(periodMs, fire);
  }
}

const GATED_MS = 15_000;
const GATED: readonly [what: string, length: number, changes: Changes][] = [
  ['no body', 0, {}],
  ['a body', 5, {}],
  ['a body that is read first', 5, { file: { routes: [{ pool: 'web', buffering: true }] } }],
];

for (const wire of GATED_WIRES)
  for (const [what, length, changes] of GATED)
    void t.test(`what a gate waits is no time of a server's: ${what}, ${wire}`, async (t) => {
      const clock = new LaterClock();
      const gates = [new AskingGate(), new AskingGate()] as const;
      const pool = { algorithm: 'peak_ewma' } as const;
      await using proxy = await GatedProxy.start(wire, gates, { ...changes, pool }, clock);
      proxy.server.answerAll(() => ok('passed'));
      await using client = await proxy.client();
      client.begin(length === 0 ? 'GET' : 'POST', length);
      if (length > 0) {
        client.write(LARGE.subarray(0, length));
        client.end();
      }
      for (const gate of gates) {
        const { settle } = await gate.next();
        clock.laterMs += GATED_MS;
        settle(true);
      }
      t.same(await client.answer(), { status: 200, body: 'passed' });
      const { durationMs, upstreamMs } = await proxy.ended();
      t.ok(durationMs >= 2 * GATED_MS, 'it is time of the exchange');
      t.ok(upstreamMs >= 0 && upstreamMs < GATED_MS, `${upstreamMs} of a server that answers at once`);
      const peakMs = proxy.peakMs(clock.nowMs());
      t.ok(peakMs >= 0 && peakMs < GATED_MS, `${peakMs} as the algorithm has it`);
    });

const LARGE_PAGE = { 503: { body: LARGE.toString(), content_type: 'text/plain' } };

test(
  'a large answer is under way when the gate lets it pass',
  async ({ t, gate, proxy }) => {
    await using client = await proxy.client();
    client.begin('GET', 0);
    const { settle, exchange } = await gate.next();
    exchange.onBodyFault(new HttpFault('overloaded', ''));
    settle(true);
    exchange.refuse('internal', 'too late');
    t.same(await client.answer(), { status: 503, body: LARGE.toString() });
    t.equal((await proxy.ended()).reason, 'overloaded');
    t.equal(proxy.server.connections, 0, 'no server was asked');
    t.equal(proxy.records.length, 1);
  },
  { file: { routes: [{ pool: 'web', error_pages: LARGE_PAGE }] } },
);

for (const wire of GATED_WIRES)
  void t.test(`a delay on purpose ends with its exchange, ${wire}`, async (t) => {
    const clock = new FakeClock();
    const delay = { timeMs: 3_600_000, share: 1 };
    const fault = new FaultGate({ delay, abort: null }, fastRandom(), clock);
    await using proxy = await GatedProxy.start(wire, [fault]);
    proxy.server.answerAll(() => ok('passed'));
    const client = await proxy.client();
    client.begin('GET', 0);
    await clock.untilPending(1);
    client.leave();
    t.equal((await proxy.ended()).reason, 'client_abort');
    t.equal(clock.pending, 0, 'nothing is left of it');
    await client[Symbol.asyncDispose]();

    await using patient = await proxy.client();
    patient.begin('GET', 0);
    await clock.untilPending(1);
    clock.advance(delay.timeMs);
    t.same(await patient.answer(), { status: 200, body: 'passed' });
    t.equal(clock.pending, 0);
    t.equal(proxy.server.connections, 1, 'nothing was sent for the one that left');
  });

for (const [name, length, size] of [
  ['a small body', 5, 5],
  ['a large body', LARGE.length, LARGE.length],
  ['a small body of unknown length', -1, 5],
  ['a large body of unknown length', -1, LARGE.length],
] as const) {
  const bytes = LARGE.subarray(0, size);
  const begin = async (proxy: GatedProxy) => {
    const client = await proxy.client();
    client.begin('POST', length);
    client.write(bytes);
    client.end();
    return client;
  };

  test(`${name} comes meanwhile, and the gate lets it pass`, async ({ t, gate, proxy }) => {
    await using client = await begin(proxy);
    const { settle, exchange } = await gate.next();
    // A turn of the loop in which what has come could be read.
    await new Promise((resolve) => setImmediate(resolve));
    t.ok(exchange.stream.bytesIn < 70_000, 'what waits is not read');
    settle(true);
    const server = await proxy.server.accept();
    const request = await server.request();
    t.equal(request.body.length, size, 'all of it arrives');
    server.write(ok('taken'));
    t.same(await client.answer(), { status: 200, body: 'taken' });
  });

  test(`${name} comes meanwhile, and the gate refuses`, async ({ t, gate, proxy }) => {
    await using client = await begin(proxy);
    const { settle, exchange } = await gate.next();
    exchange.answerLines = 'WWW-Authenticate: Basic\r\n';
    exchange.refuse('forbidden', 'not you');
    settle(false);
    const { status, body } = await client.answer();
    t.equal(status, 403);
    t.equal(JSON.parse(body).detail, 'not you');
    t.equal((await proxy.ended()).reason, 'forbidden');
    t.equal(proxy.server.connections, 0);
  });
}

test('the connection goes on after a refusal without a body', async ({ t, gate, proxy }) => {
  await using client = await proxy.client();
  for (const passes of [false, true]) {
    client.begin('GET', 0);
    const { settle, exchange } = await gate.next();
    if (!passes) exchange.refuse('forbidden', '');
    settle(passes);
    if (passes) {
      const server = await proxy.server.accept();
      await server.request();
      server.write(ok());
    }
    t.equal((await client.answer()).status, passes ? 200 : 403);
  }
});

test('the client goes meanwhile', async ({ t, gate, proxy }) => {
  const client = await proxy.client();
  client.begin('GET', 0);
  const { settle } = await gate.next();
  client.leave();
  t.equal((await proxy.ended()).reason, 'client_abort');
  settle(true);
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(proxy.server.connections, 0, 'no server is asked for nobody');
  t.equal(proxy.records.length, 1, 'it ended once');
  await client[Symbol.asyncDispose]();
});

test('the client goes amidst its body, and the gate refuses later', async ({ t, gate, proxy }) => {
  const client = await proxy.client();
  client.begin('POST', 1000);
  client.write(LARGE.subarray(0, 10));
  const { settle, exchange } = await gate.next();
  client.leave();
  await proxy.ended().then(({ reason }) => t.equal(reason, 'client_abort'));
  exchange.refuse('forbidden', '');
  settle(false);
  t.equal(proxy.records.length, 1, 'it ended once');
  await client[Symbol.asyncDispose]();
});

test(
  'a body that is too large is found when it is read on',
  async ({ t, gate, proxy }) => {
    await using client = await proxy.client();
    client.begin('POST', -1);
    client.write(LARGE.subarray(0, 4096));
    client.end();
    const { settle } = await gate.next();
    settle(true);
    const { status } = await client.answer();
    t.equal(status, 413);
    t.equal((await proxy.ended()).reason, 'too_large');
  },
  { listener: { limits: { max_body_size: '1KiB' } }, pool: { queue: 0 } },
);

test('a gate that fails costs its exchange', async ({ t, gate, proxy }) => {
  await using client = await proxy.client();
  client.begin('POST', 5);
  client.write(LARGE.subarray(0, 5));
  (await gate.next()).fail(new Error('out of order'));
  t.equal((await client.answer()).status, 500);
  t.equal((await proxy.ended()).reason, 'internal');
  t.match(proxy.logged.at(-1), { level: 'error', message: 'a gate failed' });
});

const order: string[] = [];
const second: Gate = {
  check: (exchange: Exchange) => {
    order.push('second');
    exchange.user = 'ann';
    exchange.requestChanges = { cleared: new Set(['x_user']), lines: 'X-User: ann\r\n' };
    return true;
  },
};
const third: Gate = {
  check: () => {
    order.push('third');
    throw new Error('broken');
  },
};

test(
  'gates come one after the other',
  async ({ t, gate, proxy }) => {
    order.length = 0;
    await using client = await proxy.client();
    client.begin('GET', 0);
    const { settle } = await gate.next();
    t.same(order, [], 'the second is not asked yet');
    settle(true);
    const server = await proxy.server.accept();
    t.equal(fieldOf(await server.request(), 'x-user'), 'ann');
    server.write(ok());
    t.equal((await client.answer()).status, 200);
    t.same(order, ['second']);
  },
  {},
  [second],
);

test(
  'one that throws behind one that waits',
  async ({ t, gate, proxy }) => {
    await using client = await proxy.client();
    client.begin('GET', 0);
    (await gate.next()).settle(true);
    t.equal((await client.answer()).status, 500);
    t.equal((await proxy.ended()).reason, 'internal');
    t.equal(proxy.server.connections, 0);
  },
  {},
  [second, third],
);
