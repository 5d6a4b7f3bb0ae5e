/**
 * The building blocks of the schema: quantities as codecs (text with a unit <-> number), nouns (mappings that know
 * their keys and suggest the nearest one), short forms, names, addresses. Every message that a user can see from
 * here says what to write instead. `issues.ts` turns what zod reports into diagnostics.
 */
import { isIPv4 } from 'node:net';
import { closest, distance } from 'fastest-levenshtein';
import * as z from 'zod';
import {
  bareDuration,
  barePercent,
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
  type Rate,
} from '../units.ts';
import { blockProblem } from './block.ts';

/** The name that was probably meant, if one is near enough to be worth a guess. */
export function didYouMean(written: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const flat = written.toLowerCase().replaceAll('-', '_');
  const longer = known.find((each) => flat.length >= 3 && (each.startsWith(flat) || flat.startsWith(each)));
  if (longer !== undefined) return longer;
  const guess = closest(flat, known as string[]);
  const limit = Math.max(1, Math.floor(Math.max(flat.length, guess.length) * 0.4));
  return distance(flat, guess) <= limit || sameLetters(flat, guess) ? guess : undefined;
}

/** Letters in a wrong order are one slip of the fingers, however far apart the measure finds them. */
export function sameLetters(a: string, b: string): boolean {
  return a.length === b.length && [...a].sort().join('') === [...b].sort().join('');
}

/** `unknown key "wieght" – did you mean "weight"?` */
export function unknownKeyMessage(key: string, known: readonly string[]): string {
  const guess = didYouMean(key, known);
  const tail = guess !== undefined ? ` – did you mean "${guess}"?` : `. Known here: ${known.join(', ')}.`;
  return `unknown key ${quote(key)}${tail}`;
}

/** A mapping with these keys and no others. One message line for each unknown key, in their order. */
export function noun<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? (issue['keys'] as string[]).map((key) => unknownKeyMessage(key, known)).join('\n')
        : undefined,
  });
}

/** A long form that may also be written as a scalar; `expand` says what the scalar stands for. */
export function withShortForm<Long extends z.ZodType, Short extends z.ZodType>(
  long: Long,
  short: Short,
  expand: (scalar: z.output<Short>) => z.input<Long>,
) {
  // The long form stands first: encoding (`config show`) takes the first option that fits and so never shortens.
  const codec = z.codec(short as z.ZodType, long as z.ZodType, {
    decode: (scalar) => expand(scalar as z.output<Short>),
    encode: () => {
      throw new Error('a short form is never written');
    },
  }) as unknown as z.ZodType<z.output<Long>, z.input<Short>>;
  return z.union([long, codec]);
}

interface QuantityOptions {
  /** Smallest and largest value allowed, as text. */
  readonly min?: string;
  readonly max?: string;
}

interface QuantityKind {
  readonly parse: (text: string) => Parsed;
  readonly format: (value: number) => string;
  readonly bare: (value: number) => { readonly error: string };
  /** What the reference calls it. */
  readonly title: string;
  readonly example: string;
  /** For editors; `${VAR}` is let through as well. */
  readonly pattern: string;
}

const ENV_PATTERN = '.*\\$\\{.*';

function quantity(kind: QuantityKind, options: QuantityOptions) {
  const bound = (text: string | undefined, otherwise: number): number => {
    const parsed = text === undefined ? undefined : kind.parse(text);
    return parsed?.ok ? parsed.value : otherwise;
  };
  const min = bound(options.min, Number.NEGATIVE_INFINITY);
  const max = bound(options.max, Number.POSITIVE_INFINITY);
  const text = z
    .string({
      error: (issue) => (typeof issue.input === 'number' ? kind.bare(issue.input).error : undefined),
    })
    .meta({ title: kind.title, pattern: `^(${kind.pattern}|${ENV_PATTERN})$`, examples: [kind.example] });
  return z.codec(text, z.number(), {
    decode: (written, context) => {
      const parsed = kind.parse(written);
      let problem = parsed.ok ? undefined : parsed.error;
      if (parsed.ok && parsed.value < min)
        problem = `${quote(written)} is too small. The least is ${options.min}.`;
      if (parsed.ok && parsed.value > max)
        problem = `${quote(written)} is too large. The most is ${options.max}.`;
      if (parsed.ok && problem === undefined) return parsed.value;
      context.issues.push({ code: 'custom', message: problem ?? '', input: written });
      return z.NEVER;
    },
    encode: kind.format,
  });
}

/** Time as text, milliseconds inside. */
export function duration(options: QuantityOptions = {}) {
  return quantity(
    {
      parse: parseDuration,
      format: formatDuration,
      bare: bareDuration,
      title: 'time',
      example: '5s',
      pattern: '\\d+(\\.\\d+)?(ms|s|m|h|d)',
    },
    options,
  );
}

/** Size as text, bytes inside. */
export function size(options: QuantityOptions = {}) {
  return quantity(
    {
      parse: parseSize,
      format: formatSize,
      bare: bareSize,
      title: 'size',
      example: '16KiB',
      pattern: '\\d+(\\.\\d+)?([KMGT]i)?B',
    },
    options,
  );
}

/** Size per second as text, bytes per second inside. */
export function byteRate(options: QuantityOptions = {}) {
  return quantity(
    {
      parse: parseByteRate,
      format: formatByteRate,
      bare: (value) => ({ error: `${value} has no unit. Write ${value}B/s.` }),
      title: 'bytes per second',
      example: '256B/s',
      pattern: '\\d+(\\.\\d+)?([KMGT]i)?B/s',
    },
    options,
  );
}

/** Percentage as text, a fraction of 1 inside; above 100% only where `max` says so. */
export function percent(options: QuantityOptions = {}) {
  const most = options.max === undefined ? 1 : Number.parseFloat(options.max) / 100;
  return quantity(
    {
      parse: (written) => parsePercent(written, Math.max(1, most)),
      format: formatPercent,
      bare: barePercent,
      title: 'percentage',
      example: '70%',
      pattern: '\\d+(\\.\\d+)?%',
    },
    options,
  );
}

/** `100/s` as text, count and window inside. */
export function rate() {
  const text = z
    .string({ error: (issue) => (typeof issue.input === 'number' ? bareRate(issue.input).error : undefined) })
    .meta({ title: 'rate', pattern: `^(\\d+/[smhd]|${ENV_PATTERN})$`, examples: ['100/s'] });
  return z.codec(text, z.custom<Rate>(), {
    decode: (written, context) => {
      const parsed = parseRate(written);
      if (parsed.ok) return parsed.value;
      context.issues.push({ code: 'custom', message: parsed.error, input: written });
      return z.NEVER;
    },
    encode: formatRate,
  });
}

/** A whole number within bounds, both inclusive. */
export function integer(min: number, max: number) {
  const error = (issue: { readonly input?: unknown }): string | undefined => {
    if (issue.input === undefined) return undefined;
    return `${quote(issue.input)} is not a whole number from ${min} to ${max}.`;
  };
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** One of a few words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, {
    error: (issue) => {
      if (issue.input === undefined) return undefined;
      const guess = typeof issue.input === 'string' ? didYouMean(issue.input, words) : undefined;
      const tail = guess !== undefined ? ` – did you mean "${guess}"?` : '.';
      // a YAML number where a word is meant: 1.2 instead of "1.2"
      const quoted = typeof issue.input === 'number' && words.includes(String(issue.input));
      if (quoted) return `${issue.input} has to stand in quotes. Write "${issue.input}".`;
      return `${quote(issue.input)} is not one of ${words.join(', ')}${tail}`;
    },
  });
}

/** What the check returns is the complaint; undefined = fine. */
export function text(check: (value: string) => string | undefined) {
  return z.string().superRefine((value, context) => {
    const problem = check(value);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });
}

/** A list, or one item of it. */
export function oneOrMany<Item extends z.ZodType<string, string>>(item: Item) {
  return withShortForm(z.array(item).min(1), item, (one) => [one] as unknown as z.input<z.ZodArray<Item>>);
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/;

/** The name of a pool, a listener, a certificate: it stands in logs, metric labels, URLs and cookies. */
export function name() {
  return text((value) =>
    NAME.test(value)
      ? undefined
      : `${quote(value)} is not a name. Use letters, digits, "-", "_" and ".", at most 64.`,
  );
}

/** A map from names to nouns. */
export function named<Value extends z.ZodType>(value: Value) {
  return z.record(name(), value);
}

const DNS_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;

/** A DNS name in ASCII (no wildcard, no IP address). */
export function isDnsName(value: string): boolean {
  return DNS_NAME.test(value) && !isIPv4(value) && !/^[\d.]+$/.test(value);
}

/** Addresses and CIDR blocks, and perhaps a word beside them. */
export function blocks(word?: string) {
  const block = text((value) => (value === word ? undefined : blockProblem(value)));
  return withShortForm(z.array(block), block, (one) => [one]).prefault([]);
}

/** A path of a file or a folder. */
export function filePath() {
  return text((value) => (value.length > 0 && !value.includes('\0') ? undefined : 'A path is needed here.'));
}

/** Lets a refinement run although a field is wrong; only a value that is no mapping at all is left alone. */
export function isMapping(payload: { readonly value: unknown }): boolean {
  return typeof payload.value === 'object' && payload.value !== null && !Array.isArray(payload.value);
}
