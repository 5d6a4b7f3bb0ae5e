/**
 * Loads a configuration: text -> values with positions -> schema -> references and files -> resolved. Every stage
 * reports all that it finds, and the later ones run on what could be read, so that one run shows every mistake.
 * Synchronous: it runs once at the start and on reload, over files of a few KiB.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errorCode, errorText } from '../kernel/errors.ts';
import { byPlace, type Diagnostic, type Path, type Problem, pathText } from './diagnostic.ts';
import type { Environment } from './env.ts';
import { checkFiles } from './files.ts';
import { describeIssue, problemsOf, withoutSecret } from './issues.ts';
import { type Loose, readLoosely, secretsOf } from './loose.ts';
import { checkOnePool, expandOnePool, isOnePool, onePoolOrigin } from './one-pool.ts';
import { findOrigins, type Origins } from './origins.ts';
import { findUnreachable } from './reach.ts';
import { readNamedBytes, readNamedFile } from './read-named-file.ts';
import { findRedirectLoops } from './redirect-loops.ts';
import { checkReferences } from './references.ts';
import { resolveConfig } from './resolve.ts';
import type { ResolvedConfig } from './resolved.ts';
import { fileSchema, type LongForm } from './schema/file.ts';
import { fieldNamed } from './schema/sticky.ts';
import { SourceText } from './source-text.ts';

/** What to load: a file, or a text that says where it came from (`<command line>`). */
export type ConfigSource =
  | { readonly file: string }
  | { readonly text: string; readonly name: string; readonly baseDir: string };

export interface LoadOptions {
  /** For `${VAR}` and `{ env: … }`. */
  readonly env: Environment;
  /** Unix time, to judge certificates. */
  readonly wallMs: number;
  /** Absolute path -> content; throws like `readFileSync`, which it is when left out. */
  readonly readFile?: (path: string) => string;
  /** False: look at no file but the configuration itself; secrets in files stay unread. True when left out. */
  readonly checkFiles?: boolean;
}

export interface LoadedConfig {
  readonly ok: true;
  readonly config: ResolvedConfig;
  readonly warnings: readonly Diagnostic[];
  /** With the file's own keys; for `showConfig`. */
  readonly long: LongForm;
  /** Worked out when asked for: only `config show` wants it. */
  readonly origins: () => Origins;
  /** The text with its secrets blotted out, for code frames. */
  readonly frameText: string;
}

export interface RefusedConfig {
  readonly ok: false;
  /** Errors and warnings in the order of the text; at least one error. */
  readonly diagnostics: readonly Diagnostic[];
  readonly frameText: string;
}

export type LoadResult = LoadedConfig | RefusedConfig;

export function loadConfig(source: ConfigSource, options: LoadOptions): LoadResult {
  const readFile = options.readFile ?? readNamedFile;
  if ('text' in source)
    return loadText(source.name, source.name, source.text, source.baseDir, readFile, options);
  const path = resolve(source.file);
  let text: string;
  try {
    text = options.readFile === undefined ? readFileSync(path, 'utf8') : readFile(path);
  } catch (thrown) {
    return refuseFile(source.file, path, thrown);
  }
  return loadText(source.file, path, text, dirname(path), readFile, options);
}

function refuseFile(file: string, path: string, thrown: unknown): RefusedConfig {
  const message =
    errorCode(thrown) === 'ENOENT'
      ? `The file does not exist (${path}).`
      : `The file cannot be read: ${errorText(thrown)}.`;
  const diagnostic: Diagnostic = {
    severity: 'error',
    file,
    line: 0,
    column: 0,
    endColumn: 0,
    path: '',
    message,
  };
  return { ok: false, diagnostics: [diagnostic], frameText: '' };
}

function loadText(
  name: string,
  path: string,
  text: string,
  baseDir: string,
  readFile: (path: string) => string,
  options: LoadOptions,
): LoadResult {
  const source = new SourceText(name, text, options.env);
  if (source.broken) return { ok: false, diagnostics: source.diagnostics, frameText: source.masked() };
  if (source.value === null || source.value === undefined) return refuseEmpty(name, text);
  const parsed = parse(source);
  const loose = readLoosely(source.value);
  const problems = [...parsed.problems, ...checkWhole(loose, source)];
  const readBytes =
    options.readFile === undefined ? readNamedBytes : (at: string) => Buffer.from(readFile(at));
  const reading = { readFile, readBytes, baseDir, env: options.env };
  if (options.checkFiles !== false)
    problems.push(...checkFiles(loose, { ...reading, wallMs: options.wallMs }));
  const diagnostics = [
    ...source.diagnostics,
    ...problems.map((each) => source.locate(withoutSecret(each, source.value))),
  ].sort(byPlace);
  const frameText = source.masked(
    secretsOf(loose).flatMap(({ literal }) => (literal?.path ? [literal.path] : [])),
  );
  if (!parsed.long || diagnostics.some((each) => each.severity === 'error'))
    return { ok: false, diagnostics, frameText };

  const long = fillDependent(expandOnePool(parsed.long));
  const origin = isOnePool(loose) ? onePoolOrigin : (at: Path): Path => at;
  const config = resolveConfig(long, {
    file: path,
    ...reading,
    ...(options.checkFiles === false && { readFile: undefined, readBytes: undefined }),
    lineOf: (at) => (source.has(origin(at)) ? source.lineOf(origin(at)) : 0),
  });
  const origins = (): Origins => {
    const written = findOrigins(fileSchema, source.value, (at) => source.lineOf(at));
    return isOnePool(loose) ? onePoolOrigins(long, written) : written;
  };
  return { ok: true, config, warnings: diagnostics, long, origins, frameText };
}

const SMALLEST = 'listen: ":8080"\nservers: [127.0.0.1:3001, 127.0.0.1:3002]';

function refuseEmpty(file: string, text: string): RefusedConfig {
  const message = 'The file is empty.';
  const hint = `The smallest configuration:\n${SMALLEST}`;
  const diagnostic: Diagnostic = {
    severity: 'error',
    file,
    line: 1,
    column: 1,
    endColumn: 1,
    path: '',
    message,
    hint,
  };
  return { ok: false, diagnostics: [diagnostic], frameText: text };
}

// without zod's compiled parsers: making them takes longer than this one parse
const PARSE = { error: describeIssue, jitless: true };

function parse(source: SourceText): { long: LongForm | undefined; problems: readonly Problem[] } {
  let result = fileSchema.safeParse(source.value, PARSE);
  if (result.success) return { long: result.data, problems: [] };
  let problems = problemsOf(result.error, source.value);
  if (source.coerceFromEnv(problems.map((each) => each.path))) {
    result = fileSchema.safeParse(source.value, PARSE);
    if (result.success) return { long: result.data, problems: [] };
    problems = problemsOf(result.error, source.value);
  }
  return { long: undefined, problems };
}

/** Timeout of a health check that has none of its own. */
const HEALTH_TIMEOUT_MS = 2000;

const HASH_DEFAULTS = { key: 'client_ip', table: 'ring', max_load: 1.25 } as const;

/** Of a pool that names none. */
function algorithmOf(pool: { hash?: unknown; sticky: unknown }): 'consistent_hash' | 'ip_hash' | 'peak_ewma' {
  if (pool.hash !== undefined || fieldNamed(pool.sticky) !== undefined) return 'consistent_hash';
  return pool.sticky === 'ip' ? 'ip_hash' : 'peak_ewma';
}

/** The defaults that depend on another key. */
function fillDependent(long: LongForm): LongForm {
  const pools = Object.entries(long.pools ?? {}).map(([name, pool]) => {
    const { health } = pool;
    const algorithm = pool.algorithm ?? algorithmOf(pool);
    const needsHash = algorithm === 'consistent_hash' && fieldNamed(pool.sticky) === undefined;
    const hash = pool.hash ?? (needsHash ? HASH_DEFAULTS : undefined);
    const whole = { ...pool, algorithm, ...(hash && { hash }) };
    if (health === false) return [name, whole] as const;
    const timeout = health.timeout ?? Math.min(HEALTH_TIMEOUT_MS, health.interval);
    return [name, { ...whole, health: { ...health, timeout } }] as const;
  });
  return { ...long, pools: Object.fromEntries(pools) };
}

function checkWhole(loose: Loose, source: SourceText): Problem[] {
  const lineOf = (path: Path): number => source.lineOf(path);
  return [
    ...checkOnePool(loose, source.value),
    ...checkReferences(loose, lineOf),
    ...findUnreachable(loose, lineOf),
    ...findRedirectLoops(loose),
  ];
}

/** The origins of a one-pool file under the paths of the form that it was turned into. */
function onePoolOrigins(long: LongForm, written: Origins): Origins {
  const origins = new Map<string, number>();
  const visit = (value: unknown, path: Path): void => {
    const origin = onePoolOrigin(path);
    const line = origin.length === 0 ? undefined : written.get(pathText(origin));
    if (line !== undefined) origins.set(pathText(path), line);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, each] of Object.entries(value))
      visit(each, [...path, Array.isArray(value) ? Number(key) : key]);
  };
  visit(long, []);
  return origins;
}

/** The one-pool form as a text, for a start without a file: `--listen :8080 --server :3001`. */
export function onePoolSource(listen: string, servers: readonly string[], baseDir: string): ConfigSource {
  return { text: `${JSON.stringify({ listen, servers }, null, 2)}\n`, name: '<command line>', baseDir };
}
