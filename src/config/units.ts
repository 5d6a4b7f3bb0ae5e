/**
 * Quantities with their units, as text and as numbers. Pure. A parser returns the number, or a sentence that says
 * what is wrong and what to write instead; a formatter returns the shortest text that parses back to the same number.
 *
 * Bare numbers are refused on purpose: `timeout: 30` has meant seconds in one product and milliseconds in another.
 */
export type Parsed =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly error: string };

interface Unit {
  readonly name: string;
  readonly factor: number;
}

const TIME_UNITS: readonly Unit[] = [
  { name: 'ms', factor: 1 },
  { name: 's', factor: 1000 },
  { name: 'm', factor: 60_000 },
  { name: 'h', factor: 3_600_000 },
  { name: 'd', factor: 86_400_000 },
];

const SIZE_UNITS: readonly Unit[] = [
  { name: 'B', factor: 1 },
  { name: 'KiB', factor: 1024 },
  { name: 'MiB', factor: 1024 ** 2 },
  { name: 'GiB', factor: 1024 ** 3 },
  { name: 'TiB', factor: 1024 ** 4 },
];

/** What people write instead, by the unit that they mean. */
const TIME_WORDS: Readonly<Record<string, string>> = {
  ms: 'ms',
  msec: 'ms',
  msecs: 'ms',
  millis: 'ms',
  millisecond: 'ms',
  milliseconds: 'ms',
  s: 's',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  m: 'm',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  h: 'h',
  hr: 'h',
  hrs: 'h',
  hour: 'h',
  hours: 'h',
  d: 'd',
  day: 'd',
  days: 'd',
};

const SIZE_WORDS: Readonly<Record<string, string>> = {
  b: 'B',
  byte: 'B',
  bytes: 'B',
  k: 'KiB',
  kb: 'KiB',
  ki: 'KiB',
  kib: 'KiB',
  m: 'MiB',
  mb: 'MiB',
  mi: 'MiB',
  mib: 'MiB',
  g: 'GiB',
  gb: 'GiB',
  gi: 'GiB',
  gib: 'GiB',
  t: 'TiB',
  tb: 'TiB',
  ti: 'TiB',
  tib: 'TiB',
};

const NUMBER_AND_WORD = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/;
const YEAR_MS = 366 * 86_400_000;

function exact(value: number, units: readonly Unit[]): string {
  const unit = units.findLast((each) => value % each.factor === 0 && value >= each.factor) ?? units[0];
  return unit ? `${value / unit.factor}${unit.name}` : String(value);
}

/** Milliseconds as `5s`, `90s`, `1h`. */
export function formatDuration(ms: number): string {
  return ms === 0 ? '0s' : exact(ms, TIME_UNITS);
}

/** Bytes as `16KiB`, `10MiB`. */
export function formatSize(bytes: number): string {
  return exact(bytes, SIZE_UNITS);
}

/** The text in quotes, as it stands in messages; long ones are cut. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…${typeof value === 'string' ? '"' : ''}` : text;
}

function timeFix(text: string): string {
  const match = NUMBER_AND_WORD.exec(text);
  const unit = TIME_UNITS.find((each) => each.name === TIME_WORDS[(match?.[2] ?? '').toLowerCase()]);
  if (!match || !unit) return 'Write a number and its unit, like 500ms, 5s, 5m or 1h.';
  const ms = Number(match[1]) * unit.factor;
  const seconds = ms % 1000 === 0 && ms > 0 ? `${ms / 1000}s` : `${ms}ms`;
  const own = `${match[1]}${unit.name}`;
  return own === seconds ? `Write ${own}.` : `Write ${own} or ${seconds}.`;
}

/** `500ms`, `5s`, `5m`, `1h`, `2d` as whole milliseconds. */
export function parseDuration(text: string): Parsed {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (!match) {
    if (/^\s*\d+(\.\d+)?\s*$/.test(text)) return bareDuration(Number(text));
    return { ok: false, error: `${quote(text)} is not a time. ${timeFix(text)}` };
  }
  const factor = TIME_UNITS.find((unit) => unit.name === match[2])?.factor ?? 1;
  // 1.1 * 60_000 is 66000.00000000001: whole milliseconds are judged after rounding off that noise
  const ms = Number((Number(match[1]) * factor).toPrecision(12));
  if (!Number.isInteger(ms)) return { ok: false, error: `${quote(text)} is finer than a millisecond.` };
  if (ms > YEAR_MS)
    return { ok: false, error: `${quote(text)} is longer than a year. The longest time is 366d.` };
  return { ok: true, value: ms };
}

/** The complaint about a time without its unit. */
export function bareDuration(value: number): { readonly ok: false; readonly error: string } {
  const ms = Number.isInteger(value) ? ` or ${value}ms` : '';
  return { ok: false, error: `${value} has no unit. Write ${value}s${ms}.` };
}

/** `512B`, `16KiB`, `10MiB`, `2GiB` as bytes. */
export function parseSize(text: string): Parsed {
  const match = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB|TiB)$/.exec(text);
  if (!match) {
    const loose = NUMBER_AND_WORD.exec(text);
    if (loose && loose[2] === '') return bareSize(Number(loose[1]));
    const unit = SIZE_WORDS[(loose?.[2] ?? '').toLowerCase()];
    const fix =
      loose && unit ? `Write ${loose[1]}${unit}.` : 'Write a number and its unit, like 512B, 16KiB or 10MiB.';
    return { ok: false, error: `${quote(text)} is not a size. ${fix}` };
  }
  const factor = SIZE_UNITS.find((unit) => unit.name === match[2])?.factor ?? 1;
  const bytes = Number(match[1]) * factor;
  if (!Number.isInteger(bytes)) return { ok: false, error: `${quote(text)} is not a whole number of bytes.` };
  if (!Number.isSafeInteger(bytes)) return { ok: false, error: `${quote(text)} is too large.` };
  return { ok: true, value: bytes };
}

/** The complaint about a size without its unit. */
export function bareSize(value: number): { readonly ok: false; readonly error: string } {
  const written =
    value > 0 && value % 1024 === 0 ? `${formatSize(value)} or ${value}B` : `${value}B or ${value}KiB`;
  return { ok: false, error: `${value} has no unit. Write ${written}.` };
}

/** `256B/s`, `1KiB/s` as bytes per second. */
export function parseByteRate(text: string): Parsed {
  const fix = 'Write a size per second, like 256B/s or 1KiB/s.';
  if (!text.endsWith('/s')) return { ok: false, error: `${quote(text)} is not a byte rate. ${fix}` };
  const size = parseSize(text.slice(0, -2));
  return size.ok ? size : { ok: false, error: `${quote(text)} is not a byte rate. ${fix}` };
}

export function formatByteRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/** `70%`, `0.5%` as a fraction of 1; up to `most` of it. */
export function parsePercent(text: string, most = 1): Parsed {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (!match) {
    const bare = /^\s*(\d+(?:\.\d+)?)\s*%?\s*$/.exec(text);
    if (bare) return barePercent(Number(bare[1]));
    return { ok: false, error: `${quote(text)} is not a percentage. Write it like 70%.` };
  }
  const percent = Number(match[1]);
  if (percent > most * 100)
    return { ok: false, error: `${quote(text)} is more than ${formatPercent(most)}.` };
  return { ok: true, value: Number((percent / 100).toPrecision(12)) };
}

/** The complaint about a percentage without its sign. */
export function barePercent(value: number): { readonly ok: false; readonly error: string } {
  const percent = value > 0 && value < 1 ? Number((value * 100).toPrecision(12)) : value;
  return { ok: false, error: `${value} has no unit. Write ${percent}%.` };
}

export function formatPercent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(12))}%`;
}

/** `count` in any `windowMs`. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

export type ParsedRate =
  | { readonly ok: true; readonly value: Rate }
  | { readonly ok: false; readonly error: string };

const RATE_UNITS = TIME_UNITS.filter((unit) => unit.name !== 'ms');
const MAX_RATE_COUNT = 1_000_000_000;

/** `100/s`, `20/m`, `1000/h`, `50000/d`. */
export function parseRate(text: string): ParsedRate {
  const match = /^(\d+)\/(s|m|h|d)$/.exec(text);
  if (!match) {
    const loose = /^\s*(\d+)\s*(?:(?:r|req|requests)?\s*(?:\/|per)\s*([a-z]+)|rp([smhd]))?\s*$/i.exec(text);
    const unit = loose?.[2] ? TIME_WORDS[loose[2].toLowerCase()] : loose?.[3]?.toLowerCase();
    if (loose && unit && unit !== 'ms')
      return { ok: false, error: `${quote(text)} is not a rate. Write ${loose[1]}/${unit}.` };
    if (loose && !unit && !loose[2]) return bareRate(Number(loose[1]));
    return { ok: false, error: `${quote(text)} is not a rate. Write a number per time, like 100/s or 20/m.` };
  }
  const count = Number(match[1]);
  if (count < 1)
    return {
      ok: false,
      error: `${quote(text)} would let nothing through. To refuse everyone write ip_deny: [0.0.0.0/0, "::/0"].`,
    };
  if (count > MAX_RATE_COUNT)
    return { ok: false, error: `${quote(text)} is too large. The highest rate is ${MAX_RATE_COUNT}.` };
  return {
    ok: true,
    value: { count, windowMs: RATE_UNITS.find((unit) => unit.name === match[2])?.factor ?? 1000 },
  };
}

/** The complaint about a rate without its time. */
export function bareRate(value: number): { readonly ok: false; readonly error: string } {
  return { ok: false, error: `${value} has no unit. Write ${value}/s or ${value}/m.` };
}

export function formatRate(rate: Rate): string {
  const unit = RATE_UNITS.find((each) => each.factor === rate.windowMs);
  return unit ? `${rate.count}/${unit.name}` : `${rate.count}/${formatDuration(rate.windowMs)}`;
}
