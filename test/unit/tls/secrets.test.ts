import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import { type SecretBytes, Secrets, type TlsEvent } from '../../../src/tls/index.ts';
import { Mailbox } from '../../support/tls-fixture.ts';

const HOUR_MS = 3_600_000;

/** A wall clock that is set by hand; tickers fire when told to. */
function handClock(): { clock: Clock; pass(ms: number): void } {
  let aheadMs = 0;
  const tickers = new Set<() => void>();
  return {
    clock: {
      ...systemClock,
      wallMs: () => 1.8e12 + aheadMs,
      setTicker: (_periodMs, fire) => {
        tickers.add(fire);
        return { cancel: () => tickers.delete(fire) };
      },
    },
    pass(ms) {
      aheadMs += ms;
      for (const fire of tickers) fire();
    },
  };
}

async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-secrets-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'secrets');
}

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

t.test('made once, private, and the same after a restart', async (t) => {
  const folder = await newFolder(t);
  const { clock } = handClock();
  const events: TlsEvent[] = [];
  const one = new Secrets(folder, { clock, onEvent: (event) => events.push(event) });
  t.throws(() => one.current(), /start/);
  await one.start();
  const first = one.current();
  t.equal(first.ticketKey.length, 48);
  t.strictSame(
    first.stickyKeys.map((key) => key.length),
    [32],
  );
  t.equal(first.ticketKey.buffer.byteLength, 48, 'nothing else travels with it');
  t.strictSame(structuredClone(first), first);
  await one.stop();
  const two = new Secrets(folder, { clock, onEvent: (event) => events.push(event) });
  await two.start();
  t.strictSame(two.current(), first);
  await two.stop();
  t.strictSame(
    events.map((event) => event.type),
    ['secret_made'],
  );
  t.notMatch(JSON.stringify(events), hex(first.ticketKey), 'no event holds a key');
  t.strictSame(await readdir(folder), ['secrets.json'], 'no temporary file stays');
  if (process.platform !== 'win32') {
    t.equal((await stat(folder)).mode & 0o777, 0o700);
    t.equal((await stat(join(folder, 'secrets.json'))).mode & 0o777, 0o600);
  }
});

t.test('several that start at once agree', async (t) => {
  const folder = await newFolder(t);
  const { clock } = handClock();
  const all = Array.from({ length: 8 }, () => new Secrets(folder, { clock }));
  await Promise.all(all.map((secrets) => secrets.start()));
  t.equal(new Set(all.map((secrets) => hex(secrets.current().ticketKey))).size, 1);
  await Promise.all(all.map((secrets) => secrets.stop()));
});

t.test('keys are replaced by age, the sticky one with an overlap', async (t) => {
  const folder = await newFolder(t);
  const { clock, pass } = handClock();
  const changes = new Mailbox<SecretBytes>();
  const secrets = new Secrets(folder, { clock, onChange: changes.put });
  await secrets.start();
  const first = secrets.current();
  pass(11.9 * HOUR_MS);
  pass(0.2 * HOUR_MS);
  const second = await changes.next();
  t.not(hex(second.ticketKey), hex(first.ticketKey));
  t.strictSame(second.stickyKeys, first.stickyKeys, 'sticky keys live longer');
  pass(90 * 24 * HOUR_MS);
  const third = await changes.next();
  t.equal(third.stickyKeys.length, 2);
  t.equal(hex(third.stickyKeys[1]), hex(first.stickyKeys[0]), 'the old one still verifies');
  await secrets.rotateStickyKey();
  const fourth = await changes.next();
  t.strictSame(
    fourth.stickyKeys.map(hex),
    [hex(fourth.stickyKeys[0]), hex(third.stickyKeys[0])],
    'two are kept',
  );
  t.equal(hex(fourth.ticketKey), hex(third.ticketKey));
  await secrets.rotateTicketKey();
  t.not(hex((await changes.next()).ticketKey), hex(fourth.ticketKey));
  t.equal(changes.size, 0);
  await secrets.stop();

  pass(13 * HOUR_MS);
  const later = new Secrets(folder, { clock });
  await later.start();
  t.not(hex(later.current().ticketKey), hex(secrets.current().ticketKey), 'too old already at the start');
  await later.stop();
});

t.test('a damaged file is an error with a way out, an open one is closed', async (t) => {
  const folder = await newFolder(t);
  const { clock } = handClock();
  const events: TlsEvent[] = [];
  const good = new Secrets(folder, { clock });
  await good.start();
  await good.stop();
  const path = join(folder, 'secrets.json');
  const text = await readFile(path, 'utf8');
  if (process.platform !== 'win32') {
    await chmod(path, 0o644);
    const opened = new Secrets(folder, { clock, onEvent: (event) => events.push(event) });
    await opened.start();
    await opened.stop();
    t.match(events, [{ level: 'warn', message: /could be read by other users/ }]);
    t.equal((await stat(path)).mode & 0o777, 0o600);
  }
  for (const bad of [
    '',
    '{}',
    'null',
    text.slice(0, 50),
    text.replaceAll(/[0-9a-f]{90}/g, 'zz'),
    '{"sticky":[],"ticket":null}',
  ]) {
    await writeFile(path, bad);
    const secrets = new Secrets(folder, { clock });
    await t.rejects(
      secrets.start(),
      { code: 'secrets_damaged', hint: /Delete it/ },
      JSON.stringify(bad.slice(0, 20)),
    );
    await secrets.stop();
  }
});

t.test('a rotation that fails keeps the old keys', async (t) => {
  const folder = await newFolder(t);
  const { clock, pass } = handClock();
  const events = new Mailbox<TlsEvent>();
  const secrets = new Secrets(folder, { clock, onEvent: events.put });
  await secrets.start();
  t.equal((await events.next()).type, 'secret_made');
  const before = secrets.current();
  await rm(folder, { recursive: true });
  pass(13 * HOUR_MS);
  t.match(await events.next(), { type: 'secret_rotated', level: 'error', message: /the old ones stay/ });
  t.strictSame(secrets.current(), before);
  await secrets.stop();
});
