import t from 'tap';
import { type AnyEvent, Events } from '../../../src/observe/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock();
  const faults: [string, unknown][] = [];
  return { clock, faults, events: new Events(clock, (name, thrown) => faults.push([name, thrown])) };
}

function state(server: string, to: string) {
  return { pool: 'web', server, from: 'unknown', to, why: 'check passed' };
}

t.test('listeners get their events until they are taken off', async (t) => {
  const { events } = setUp();
  const seen: string[] = [];
  const off = events.on('server_state', (payload) => seen.push(payload.server));
  events.emit('server_state', state('a', 'healthy'));
  events.emit('life', { state: 'ready' });
  off();
  off();
  events.emit('server_state', state('b', 'healthy'));
  t.strictSame(seen, ['a']);
});

t.test('onAny sees name, time and payload', async (t) => {
  const { clock, events } = setUp();
  const seen: AnyEvent[] = [];
  const off = events.onAny((event) => seen.push(event));
  events.emit('life', { state: 'ready' });
  off();
  events.emit('life', { state: 'stopped' });
  t.strictSame(seen, [{ name: 'life', wallMs: clock.wallMs(), payload: { state: 'ready' } }]);
});

t.test('a listener that throws is reported and stops nobody', async (t) => {
  const { events, faults } = setUp();
  const seen: string[] = [];
  events.on('life', () => {
    throw new Error('mine');
  });
  events.on('life', (payload) => seen.push(payload.state));
  events.onAny(() => {
    throw new Error('any');
  });
  events.emit('life', { state: 'ready' });
  t.strictSame(seen, ['ready']);
  t.match(faults, [
    ['life', { message: 'mine' }],
    ['life', { message: 'any' }],
  ]);
});

t.test('a listener may take itself and others off while it is called', async (t) => {
  const { events } = setUp();
  const seen: string[] = [];
  const off = events.on('life', () => {
    seen.push('first');
    off();
    offSecond();
  });
  const offSecond = events.on('life', () => seen.push('second'));
  events.emit('life', { state: 'ready' });
  events.emit('life', { state: 'ready' });
  t.strictSame(seen, ['first', 'second']);
});

t.test('once waits for the event that fits', async (t) => {
  const { clock, events } = setUp();
  const waiting = events.once('server_state', (payload) => payload.server === 'b');
  events.emit('server_state', state('a', 'healthy'));
  events.emit('server_state', state('b', 'unhealthy'));
  t.match(await waiting, { server: 'b', to: 'unhealthy' });
  t.equal(clock.pending, 0);
});

t.test('once that waits in vain names the event and shows what came', async (t) => {
  const { clock, events } = setUp();
  const waiting = events.once('server_state', (payload) => payload.server === 'z', 500);
  const nothing = events.once('reload', undefined, 500);
  events.emit('server_state', state('a', 'healthy'));
  clock.advance(500);
  await t.rejects(waiting, { code: 'event_timeout', message: /500 ms .*"server_state".*"server":"a"/ });
  await t.rejects(nothing, { message: /"reload"; none of that name came/ });
});
