import { mkdtempSync, readFileSync, renameSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../../src/kernel/clock.ts';
import { LineWriter, type LineWriterOptions } from '../../../src/observe/main/index.ts';
import type { LineSink } from '../../../src/observe/main/line-sink.ts';
import { FakeClock } from '../../support/fake-clock.ts';

type Done = (error: Error | undefined, written: number) => void;

/** A disk that the test answers for. */
class TestSink implements LineSink {
  text = '';
  isClosed = false;
  /** Set: the next writes end like this instead of at once and whole. */
  behave: ((bytes: Buffer, done: Done) => void) | undefined;
  syncFault: Error | undefined;

  write(bytes: Buffer, done: Done): void {
    if (this.behave) this.behave(bytes, done);
    else this.take(bytes, bytes.length, done);
  }
  take(bytes: Buffer, count: number, done: Done, error?: Error): void {
    this.text += bytes.subarray(0, count).toString();
    setImmediate(() => done(error, count));
  }
  writeNow(bytes: Buffer): number {
    if (this.syncFault) throw this.syncFault;
    this.text += bytes.toString();
    return bytes.length;
  }
  close(): void {
    this.isClosed = true;
  }
}

function fault(code: string): Error {
  return Object.assign(new Error(code), { code });
}

async function setUp(options: Partial<LineWriterOptions> = {}) {
  const clock = new FakeClock();
  const sinks: TestSink[] = [];
  const warnings: string[] = [];
  const writer: LineWriter = new LineWriter(
    { to: { path: '/not/opened' }, ...options },
    {
      clock,
      warn: (message) => {
        warnings.push(message);
        // As in the daemon: the warning is a log line of the same output.
        writer.writeNow(`warning\n`);
      },
      open: () => {
        const sink = new TestSink();
        sinks.push(sink);
        return sink;
      },
    },
  );
  await writer.start();
  return { clock, sinks, sink: sinks[0] as TestSink, warnings, writer };
}

t.test('writes in order, counts nothing as dropped', async (t) => {
  const { writer, sink } = await setUp();
  writer.write('a\nb\n', 2);
  writer.writeNow('c\n');
  writer.write('d\n', 1);
  await writer.flush();
  t.equal(sink.text, 'a\nb\nc\nd\n');
  t.equal(writer.outstandingBytes, 0);
  writer.writeNow('e\n');
  t.equal(sink.text, 'a\nb\nc\nd\ne\n', 'out at once when nothing waits');
  await writer.stop();
  t.ok(sink.isClosed);
  t.equal(writer.dropped, 0);
  writer.write('late\n', 1);
  t.equal(writer.dropped, 1, 'after the stop it is a dropped line');
});

t.test('lines before the start wait', async (t) => {
  const sink = new TestSink();
  const writer = new LineWriter(
    { to: { path: '/not/opened' } },
    { clock: new FakeClock(), warn: () => {}, open: () => sink },
  );
  writer.writeNow('early\n');
  await writer.start();
  await writer.flush();
  t.equal(sink.text, 'early\n');
  await writer.stop();
});

t.test('memory is bounded: whole batches are dropped and their lines counted', async (t) => {
  const { writer, sink } = await setUp({ maxOutstandingBytes: 10 });
  let finish: (() => void) | undefined;
  sink.behave = (bytes, done) => {
    finish = () => sink.take(bytes, bytes.length, done);
  };
  writer.write('12345\n', 1);
  writer.write('a\nb\nc\n', 3);
  t.equal(writer.dropped, 3);
  writer.write('ab\n', 1);
  t.equal(writer.dropped, 3, 'what fits is taken');
  t.equal(writer.outstandingBytes, 9);
  sink.behave = undefined;
  finish?.();
  await writer.flush();
  t.equal(sink.text, '12345\nab\n');
  await writer.stop();
});

t.test('a full disk: one warning, no torn line, all there afterwards', async (t) => {
  const { writer, sink, clock, warnings } = await setUp();
  sink.behave = (bytes, done) => sink.take(bytes, 3, done, fault('ENOSPC'));
  writer.write('first line\n', 1);
  await clock.run(0);
  sink.behave = (bytes, done) => sink.take(bytes, 0, done, fault('ENOSPC'));
  writer.write('second line\n', 1);
  await clock.run(5000);
  t.equal(sink.text, 'fir');
  t.match(warnings, [/ENOSPC.*wait in memory/]);
  sink.behave = undefined;
  await clock.run(1000);
  await writer.flush();
  t.equal(sink.text, 'first line\nwarning\nsecond line\nwarning\n');
  t.match(warnings, [/ENOSPC/, /works again/]);
  t.equal(writer.dropped, 0);
  await writer.stop();
  t.equal(clock.pending, 0);
});

t.test(
  'a reader that is gone: lines are dropped, one warning, and it goes on when one is back',
  async (t) => {
    const { writer, sink, clock, warnings } = await setUp();
    sink.behave = (bytes, done) => sink.take(bytes, 0, done, fault('EPIPE'));
    writer.write('a\nb\n', 2);
    await clock.run(0);
    t.equal(writer.dropped, 2);
    for (let i = 0; i < 5; i++) {
      writer.write('c\n', 1);
      await clock.run(1000);
    }
    t.equal(warnings.length, 1);
    t.ok(writer.dropped >= 7, 'every line counts');
    sink.behave = undefined;
    writer.write('back\n', 1);
    await clock.run(1000);
    await writer.flush();
    t.match(sink.text, /^back\n/);
    t.equal(warnings.length, 2);
    await writer.stop();
  },
);

t.test('EAGAIN is no outage', async (t) => {
  const { writer, sink, clock, warnings } = await setUp();
  sink.behave = (bytes, done) => sink.take(bytes, 0, done, fault('EAGAIN'));
  sink.syncFault = fault('EAGAIN');
  writer.writeNow('a\n');
  await clock.run(15);
  sink.behave = undefined;
  await clock.run(40);
  await writer.flush();
  t.equal(sink.text, 'a\n');
  t.strictSame(warnings, []);
  await writer.stop();
});

t.test('reopen changes over between two lines', async (t) => {
  const { writer, sinks, sink, clock } = await setUp();
  let finish: (() => void) | undefined;
  sink.behave = (bytes, done) => {
    finish = () => sink.take(bytes, 4, done);
  };
  writer.write('one line\n', 1);
  writer.write('two\n', 1);
  await writer.reopen();
  sink.behave = undefined;
  finish?.();
  await clock.run(0);
  await writer.flush();
  t.equal(sink.text, 'one line\n', 'the line that had begun stays whole');
  t.equal(sinks[1]?.text, 'two\n');
  t.ok(sink.isClosed);
  await writer.stop();
});

t.test('reopen ends an outage: the torn line is given up, the rest is written at once', async (t) => {
  const { writer, sinks, sink, clock } = await setUp();
  sink.behave = (bytes, done) => sink.take(bytes, 4, done, fault('ENOSPC'));
  writer.write('one line\ntwo\n', 2);
  await clock.run(0);
  sink.behave = (bytes, done) => sink.take(bytes, 0, done, fault('ENOSPC'));
  await writer.reopen();
  await clock.run(0);
  await writer.flush();
  t.match(sinks[1]?.text, /^two\n/);
  t.equal(writer.dropped, 1);
  await writer.stop();
});

t.test('stop gives a slow reader its time and no more', async (t) => {
  const { writer, sink, clock } = await setUp({ stopTimeoutMs: 500 });
  sink.behave = () => {};
  writer.write('a\nb\n', 2);
  const stopped = writer.stop();
  await clock.run(500);
  await stopped;
  t.equal(writer.dropped, 2);
  t.notOk(sink.isClosed, 'the hanging write still uses the descriptor');
  t.equal(clock.pending, 0);
});

t.test('a real file: made with its folder, appended to, rotated', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'sluice-log-')), 'logs', 'access.log');
  const open = () => new LineWriter({ to: { path } }, { clock: systemClock, warn: () => {} });
  const writer = open();
  await writer.start();
  writer.write('a\n', 1);
  await writer.flush();
  renameSync(path, `${path}.1`);
  writer.write('b\n', 1);
  await writer.reopen();
  writer.write('c\n', 1);
  await writer.stop();
  t.equal(readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8'), 'a\nb\nc\n');
  t.equal(statSync(path).mode & 0o777, 0o640);
  const again = open();
  await again.start();
  again.writeNow('d\n');
  t.match(readFileSync(path, 'utf8'), /c\nd\n$/);
  await again.stop();
});

t.test('a folder is no log file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-log-'));
  const writer = new LineWriter({ to: { path: folder } }, { clock: systemClock, warn: () => {} });
  await t.rejects(writer.start(), { code: 'EISDIR' });
  await writer.stop();
});

t.test('a reopen that fails says so and goes on with the old file', async (t) => {
  const sink = new TestSink();
  let opened = 0;
  const writer = new LineWriter(
    { to: { path: '/not/opened' } },
    {
      clock: new FakeClock(),
      warn: () => {},
      open: () => {
        if (opened++ > 0) throw fault('EACCES');
        return sink;
      },
    },
  );
  await writer.start();
  await t.rejects(writer.reopen(), { code: 'EACCES' });
  writer.write('a\n', 1);
  await writer.flush();
  t.equal(sink.text, 'a\n');
  await writer.stop();
});

t.test(
  'a device that is full',
  { skip: process.platform !== 'linux' && '/dev/full is a Linux device' },
  async (t) => {
    const clock = new FakeClock();
    const warned = Promise.withResolvers<string>();
    const writer = new LineWriter({ to: { path: '/dev/full' } }, { clock, warn: warned.resolve });
    await writer.start();
    writer.write('a\n', 1);
    t.match(await warned.promise, /ENOSPC/);
    t.equal(writer.dropped, 0);
    await writer.stop();
    t.equal(writer.dropped, 1);
  },
);

t.test('says of each piece when its bytes are needed no more, once', async (t) => {
  const { writer, sink, clock } = await setUp({ maxOutstandingBytes: 20 });
  const told: string[] = [];
  const write = (name: string): void => writer.write(`${name}\n`, 1, () => told.push(name));
  const held: (() => void)[] = [];
  sink.behave = (bytes, done) => held.push(() => sink.take(bytes, 2, done));
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  write('abc');
  write('def');
  write('far more than there is room for');
  t.same(told.splice(0), ['far more than there is room for'], 'dropped at once');
  held.shift()?.();
  await settle();
  t.same(told, [], 'half of it is out');
  held.shift()?.();
  await settle();
  t.same(told.splice(0), ['abc']);

  // Nobody reads any more while a write is under way.
  sink.behave = (_, done) => held.push(() => done(fault('EPIPE'), 0));
  held.shift()?.();
  await settle();
  sink.behave = undefined;
  held.shift()?.();
  await settle();
  t.same(told.splice(0), ['def']);
  t.equal(writer.dropped, 2);
  clock.advance(1000);
  await writer.flush();

  sink.behave = (bytes, done) => held.push(() => sink.take(bytes, bytes.length, done));
  write('ghi');
  write('jkl');
  const stopped = writer.stop();
  await settle();
  clock.advance(5000);
  await stopped;
  t.same(told.splice(0), ['jkl'], 'the system may still read from the other');
  held.shift()?.();
  await settle();
  t.same(told, ['ghi']);
});
