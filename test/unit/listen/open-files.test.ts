import t from 'tap';
import { Deadlines } from '../../../src/kernel/deadlines.ts';
import { openFilesLimit, parseOpenFilesLimit } from '../../../src/kernel/open-files.ts';
import { OpenFiles } from '../../../src/listen/index.ts';
import { reservedFiles } from '../../../src/listen/open-files.ts';
import { type LogRecord, ThreadLog } from '../../../src/observe/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

t.test('the limit, as Linux tells it', (t) => {
  const limits = `Limit                     Soft Limit           Hard Limit           Units
Max processes             95896                95896                processes
Max open files            1024                 4096                 files
`;
  t.equal(parseOpenFilesLimit(limits), 1024);
  for (const unknown of ['', 'Max open files            unlimited            unlimited            files'])
    t.equal(parseOpenFilesLimit(unknown), Number.POSITIVE_INFINITY);
  t.ok(openFilesLimit() > 0);
  t.end();
});

t.test('how many are kept back', (t) => {
  const table: [limit: number, reserved: number][] = [
    [64, 16],
    [256, 32],
    [1024, 128],
    [20_000, 1024],
    [Number.POSITIVE_INFINITY, 1024],
  ];
  for (const [limit, reserved] of table) t.equal(reservedFiles(limit), reserved, String(limit));
  t.end();
});

t.test('one warning an outage, and a word when it is over', (t) => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const told: LogRecord[] = [];
  const log = new ThreadLog('debug', (record) => told.push(record));
  const files = new OpenFiles(1024, { clock, deadlines, log });
  t.ok(files.hasRoom(895));
  t.notOk(files.hasRoom(896));
  t.ok(files.hasRoom(-1), 'of a socket that is gone');
  for (let i = 0; i < 1000; i++) {
    files.refuse('web');
    clock.advance(10);
  }
  t.match(told, [{ level: 'warn', fields: { listener: 'web', limit: 1024 } }]);
  t.equal(told.length, 1);
  clock.advance(6000);
  t.match(told[1], { level: 'info', fields: { refused: 1000 } });
  t.equal(deadlines.size, 0);
  files.refuse('web', 'accept EMFILE');
  t.match(told[2], { level: 'warn', fields: { error: 'accept EMFILE' } });
  t.end();
});
