/** A data thread that dies around a reload: the reload comes to its end, and the heir has what it brought. */
import t from 'tap';
import type { FileInput } from '../../src/config/schema/file.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { get, Peer } from '../support/peer.ts';

/** A thread that dies within 2 s of its start is replaced a second later, and has to load. */
const REPLACED_WITHIN_MS = 15_000;

const saying = (body: string): FileInput => ({
  threads: 2,
  listeners: { http: { address: '127.0.0.1', port: 0 } },
  routes: [{ name: 'all', respond: { status: 200, body } }],
});

async function bodyFrom(port: number): Promise<string> {
  const client = await Peer.connect(port);
  try {
    return (await client.ask(get('/'))).body;
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

/** Every thread has an own listening socket: as many connections as it takes to have asked both, but for bad luck. */
async function bodies(port: number): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 24; i++) seen.add(await bodyFrom(port));
  return [...seen];
}

t.test('reloads while a thread is dying, gone, loading, and back', async (t) => {
  await using fixture = await DaemonFixture.start(saying('first'));
  const { daemon } = fixture;
  // Pauses from the kill to the reload, so that it falls into each part of the thread's absence.
  for (const [round, pauseMs] of [0, 60, 1040, 1100, 1150, 1200, 1300].entries()) {
    const replaced = daemon.events.once('thread_start', () => true, REPLACED_WITHIN_MS);
    const killed = daemon.killThread(round % 2);
    await delay(systemClock, pauseMs);
    const body = `after ${pauseMs} ms`;
    await fixture.reload(saying(body));
    await Promise.all([killed, replaced]);
    // The heir is asked for what is in force in the next turn, which this reload has to wait for.
    await fixture.reload(saying(body));
    t.same(await bodies(fixture.port()), [body], `reloaded ${pauseMs} ms after the kill`);
  }
  t.equal(daemon.threadCount, 2);
});

t.test('both threads die in the middle of a reload', async (t) => {
  await using fixture = await DaemonFixture.start(saying('first'));
  const { daemon } = fixture;
  const reload = fixture.reload(saying('second')).then(
    () => 'second',
    () => 'first',
  );
  await Promise.all([daemon.killThread(0), daemon.killThread(1)]);
  const inForce = await reload;
  await fixture.until('two threads', () => daemon.threadCount === 2);
  for (let tries = 0; ; tries++) {
    const body = await bodyFrom(fixture.port()).catch(() => undefined);
    if (body === undefined && tries < 200) await delay(systemClock, 25);
    else {
      t.equal(body, inForce, 'the heirs have what the reload came to');
      break;
    }
  }
});
