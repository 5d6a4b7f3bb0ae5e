import fc from 'fast-check';
import t from 'tap';
import {
  bareDuration,
  bareRate,
  bareSize,
  formatByteRate,
  formatDuration,
  formatPercent,
  formatRate,
  formatSize,
  type Parsed,
  parseByteRate,
  parseDuration,
  parsePercent,
  parseRate,
  parseSize,
  quote,
} from '../../../src/config/units.ts';

/** Text -> its value, or the complaint. */
type Row = readonly [text: string, expected: number | string];

function table(name: string, parse: (text: string) => Parsed, rows: readonly Row[]): void {
  t.test(name, (t) => {
    for (const [text, expected] of rows) {
      const parsed = parse(text);
      t.equal(parsed.ok ? parsed.value : parsed.error, expected, JSON.stringify(text));
    }
    t.end();
  });
}

table('times', parseDuration, [
  ['500ms', 500],
  ['5s', 5000],
  ['1.5s', 1500],
  ['1.1m', 66_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
  ['0s', 0],
  ['5 minutes', '"5 minutes" is not a time. Write 5m or 300s.'],
  ['5 min', '"5 min" is not a time. Write 5m or 300s.'],
  ['10 sec', '"10 sec" is not a time. Write 10s.'],
  ['2 Hours', '"2 Hours" is not a time. Write 2h or 7200s.'],
  ['250 millis', '"250 millis" is not a time. Write 250ms.'],
  ['5', '5 has no unit. Write 5s or 5ms.'],
  ['0.5', '0.5 has no unit. Write 0.5s.'],
  ['soon', '"soon" is not a time. Write a number and its unit, like 500ms, 5s, 5m or 1h.'],
  ['', '"" is not a time. Write a number and its unit, like 500ms, 5s, 5m or 1h.'],
  ['-5s', '"-5s" is not a time. Write a number and its unit, like 500ms, 5s, 5m or 1h.'],
  ['0.1ms', '"0.1ms" is finer than a millisecond.'],
  ['1000d', '"1000d" is longer than a year. The longest time is 366d.'],
]);

table('sizes', parseSize, [
  ['512B', 512],
  ['16KiB', 16_384],
  ['10MiB', 10_485_760],
  ['1.5GiB', 1_610_612_736],
  ['10MB', '"10MB" is not a size. Write 10MiB.'],
  ['10m', '"10m" is not a size. Write 10MiB.'],
  ['10 KiB', '"10 KiB" is not a size. Write 10KiB.'],
  ['1024', '1024 has no unit. Write 1KiB or 1024B.'],
  ['10', '10 has no unit. Write 10B or 10KiB.'],
  ['0.3B', '"0.3B" is not a whole number of bytes.'],
  ['99999999TiB', '"99999999TiB" is too large.'],
  ['big', '"big" is not a size. Write a number and its unit, like 512B, 16KiB or 10MiB.'],
]);

table('byte rates', parseByteRate, [
  ['256B/s', 256],
  ['1KiB/s', 1024],
  ['256B', '"256B" is not a byte rate. Write a size per second, like 256B/s or 1KiB/s.'],
  ['x/s', '"x/s" is not a byte rate. Write a size per second, like 256B/s or 1KiB/s.'],
]);

table('percentages', parsePercent, [
  ['70%', 0.7],
  ['0.5%', 0.005],
  ['100%', 1],
  ['70', '70 has no unit. Write 70%.'],
  ['0.7', '0.7 has no unit. Write 70%.'],
  ['70 %', '70 has no unit. Write 70%.'],
  ['101%', '"101%" is more than 100%.'],
  ['most', '"most" is not a percentage. Write it like 70%.'],
]);

t.test('rates', (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['100/s', '100 in 1000'],
    ['20/m', '20 in 60000'],
    ['1000/h', '1000 in 3600000'],
    ['50000/d', '50000 in 86400000'],
    ['100', '100 has no unit. Write 100/s or 100/m.'],
    ['20 per minute', '"20 per minute" is not a rate. Write 20/m.'],
    ['20/min', '"20/min" is not a rate. Write 20/m.'],
    ['100 requests/second', '"100 requests/second" is not a rate. Write 100/s.'],
    ['100rps', '"100rps" is not a rate. Write 100/s.'],
    ['5/week', '"5/week" is not a rate. Write a number per time, like 100/s or 20/m.'],
    ['fast', '"fast" is not a rate. Write a number per time, like 100/s or 20/m.'],
    ['0/s', '"0/s" would let nothing through. To refuse everyone write ip_deny: [0.0.0.0/0, "::/0"].'],
    ['2000000000/s', '"2000000000/s" is too large. The highest rate is 1000000000.'],
  ];
  for (const [text, expected] of rows) {
    const parsed = parseRate(text);
    t.equal(parsed.ok ? `${parsed.value.count} in ${parsed.value.windowMs}` : parsed.error, expected, text);
  }
  t.end();
});

t.test('what is formatted is the shortest text and parses back to the same number', (t) => {
  t.equal(formatDuration(0), '0s');
  t.equal(formatDuration(75_000), '75s');
  t.equal(formatDuration(60_000), '1m');
  t.equal(formatDuration(1500), '1500ms');
  t.equal(formatSize(0), '0B');
  t.equal(formatSize(16_384), '16KiB');
  t.equal(formatByteRate(256), '256B/s');
  t.equal(formatPercent(0.005), '0.5%');
  t.equal(formatRate({ count: 20, windowMs: 60_000 }), '20/m');
  t.equal(formatRate({ count: 20, windowMs: 10_000 }), '20/10s');
  const back = (parse: (text: string) => Parsed, format: (value: number) => string, max: number): void =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max }), (value) => {
        const parsed = parse(format(value));
        return parsed.ok && parsed.value === value;
      }),
    );
  back(parseDuration, formatDuration, 366 * 86_400_000);
  back(parseSize, formatSize, Number.MAX_SAFE_INTEGER);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), (basisPoints) => {
      const parsed = parsePercent(formatPercent(basisPoints / 10_000));
      return parsed.ok && parsed.value === basisPoints / 10_000;
    }),
  );
  t.end();
});

t.test('any text is answered with a value or a sentence', (t) => {
  for (const parse of [parseDuration, parseSize, parseByteRate, parsePercent, parseRate]) {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parsed = parse(text);
        return parsed.ok || parsed.error.endsWith('.');
      }),
    );
  }
  t.end();
});

t.test('bare numbers and quoting', (t) => {
  t.equal(bareDuration(30).error, '30 has no unit. Write 30s or 30ms.');
  t.equal(bareSize(2048).error, '2048 has no unit. Write 2KiB or 2048B.');
  t.equal(bareRate(5).error, '5 has no unit. Write 5/s or 5/m.');
  t.equal(quote('a"b'), '"a\\"b"');
  t.equal(quote(5), '5');
  t.ok(quote('x'.repeat(500)).length <= 60, 'long values are cut');
  t.end();
});
