import t from 'tap';
import { SluiceError } from '../../../src/kernel/errors.ts';
import { type LogRecord, plainError, ThreadLog, writeRecord } from '../../../src/observe/index.ts';
import { createLog, type LogFormat } from '../../../src/observe/main/index.ts';

function mainLog(format: LogFormat = 'json') {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format, fd: undefined }, (line) => lines.push(line));
  return { lines, log };
}

function threadLog() {
  const records: LogRecord[] = [];
  return { records, log: new ThreadLog('info', (record) => records.push(structuredClone(record))) };
}

t.test('main: JSON lines with level, time, message and fields', async (t) => {
  const { lines, log } = mainLog();
  log.info('listening', { listener: 'https', port: 443 });
  log.debug('not shown');
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ''), {
    level: 'info',
    time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    message: 'listening',
    listener: 'https',
    port: 443,
  });
  t.ok(lines[0]?.endsWith('}\n'));
});

t.test('main: children add their fields and follow the level', async (t) => {
  const { lines, log } = mainLog();
  const child = log.child({ pool: 'web' }).child({ server: 'a' });
  child.debug('no');
  t.equal(child.isEnabled('debug'), false);
  log.setLevel('debug');
  t.equal(child.isEnabled('debug'), true);
  child.debug('yes');
  log.setLevel('error');
  child.warn('no');
  child.error('yes');
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { level: 'debug', message: 'yes', pool: 'web', server: 'a' },
      { level: 'error', message: 'yes' },
    ],
  );
});

t.test('main: errors keep code, hint, stack and cause; odd values do no harm', async (t) => {
  const { lines, log } = mainLog();
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  log.error('broken', {
    error: new SluiceError('x', 'no way', { hint: 'do this', cause }),
    big: 12n,
    loop,
    call: () => 1,
  });
  t.match(JSON.parse(lines[0] ?? ''), {
    error: {
      type: 'SluiceError',
      code: 'x',
      hint: 'do this',
      stack: /no way/,
      cause: { code: 'ECONNREFUSED', message: 'refused (ECONNREFUSED)' },
    },
    big: '12',
    call: String,
  });
});

t.test('main: pretty is one readable line; auto on a file is JSON', async (t) => {
  const { lines, log } = mainLog('pretty');
  log.warn('certificate expires', { days: 3 });
  t.match(lines, [/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: certificate expires \{"days":3\}\n$/]);
  const auto = mainLog('auto');
  auto.log.info('x');
  t.match(auto.lines, [/^\{/]);
});

t.test('thread: records survive a clone, whatever is logged', async (t) => {
  const { records, log } = threadLog();
  log
    .child({ listener: 'https' })
    .warn('odd', { error: new Error('boom'), call: () => 1, mark: Symbol('s') });
  log.debug('not posted');
  log.info('bare');
  t.match(records, [
    {
      level: 'warn',
      message: 'odd',
      fields: { listener: 'https', error: { type: 'Error', message: 'boom' } },
    },
    { level: 'info', message: 'bare', fields: {} },
  ]);
  const { lines, log: main } = mainLog();
  for (const record of records) writeRecord(main, record);
  t.match(JSON.parse(lines[0] ?? ''), {
    level: 'warn',
    message: 'odd',
    error: { message: 'boom', stack: String },
  });
});

t.test('thread: children follow the level', async (t) => {
  const { records, log } = threadLog();
  const child = log.child({ a: 1 });
  log.setLevel('error');
  t.equal(child.isEnabled('warn'), false);
  child.warn('no');
  child.error('yes');
  t.equal(records.length, 1);
});

t.test('plainError takes anything and ends in a circle of causes', async (t) => {
  t.strictSame(plainError('text'), { type: 'string', message: 'text' });
  t.strictSame(plainError(undefined), { type: 'undefined', message: 'undefined' });
  const error = new Error('round');
  error.cause = error;
  t.ok(JSON.stringify(plainError(error)).length < 100_000);
});
