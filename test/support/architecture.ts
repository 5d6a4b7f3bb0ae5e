/**
 * The rules that hold the source together, as pure functions of the files' texts, so that they can be tested on bad
 * sources too: who may import whom, which globals only the kernel may touch, how long a file gets, what nothing is called.
 */
import { posix } from 'node:path';
import { blank, type Import, importsOf, lineAt } from './source-text.ts';

/** Texts by path relative to the root, with `/`. */
export type Sources = ReadonlyMap<string, string>;

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const MAX_LINES = 400;

/** Parts below the composition, lowest first; each may import what stands behind it. */
const PARTS: Record<string, readonly string[]> = {
  kernel: [],
  config: ['kernel'],
  http: ['kernel'],
  encode: ['kernel', 'http'],
  'http-node': ['kernel', 'http'],
  http2: ['kernel', 'http'],
  limit: ['kernel'],
  route: ['kernel', 'limit'],
  observe: ['kernel'],
  store: ['kernel', 'observe'],
  tls: ['kernel', 'observe'],
  pool: ['kernel', 'observe'],
  access: ['kernel', 'http'],
  admit: ['kernel'],
  analytics: ['kernel', 'observe', 'store'],
  listen: ['kernel', 'observe', 'tls'],
  forward: ['kernel', 'observe', 'http', 'pool'],
  'forward-http2': ['kernel', 'http', 'forward'],
  proxy: ['kernel', 'observe', 'http', 'limit', 'route', 'pool', 'access', 'admit', 'forward', 'encode'],
  tasks: ['kernel', 'observe', 'pool', 'store'],
  control: ['kernel', 'observe', 'pool', 'tasks', 'analytics'],
  admin: ['kernel', 'observe', 'pool', 'store', 'tasks', 'control', 'analytics'],
};
const ALL_PARTS = Object.keys(PARTS);
const DATA_PARTS = ALL_PARTS.filter((part) => part !== 'config');

/** The import table: a folder of src/, or a file that stands in src/ itself, and the ones that it may import. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ...PARTS,
  assembly: ALL_PARTS,
  'daemon.ts': [...ALL_PARTS, 'assembly', 'thread.ts'],
  'thread.ts': [...DATA_PARTS, 'assembly'],
  // A verb talks to a running daemon over the admin API only; `demo` starts the bookstore and the traffic.
  cli: ['daemon.ts', 'assembly', 'config', 'kernel', 'tls', 'bookstore', 'traffic'],
  'main.ts': ['cli', 'daemon.ts', 'assembly', 'config', 'kernel', 'tls'],
  bookstore: ['kernel'],
  traffic: ['kernel'],
  dashboard: ['kernel'],
  'launch.mjs': ['install.mjs'],
  'install.mjs': [],
};

/** Folders of single leaves: each file is a door. The others are entered through an index.ts. */
const OPEN_FOLDERS = ['kernel', 'assembly'];

/** What a data thread must not load: start-up counts, and each thread would load it again. */
const HEAVY_PACKAGES = [
  'zod',
  'yaml',
  'fastify',
  'pino',
  'pino-pretty',
  'commander',
  'better-sqlite3',
  'node-forge',
  're2js',
];

interface BannedGlobal {
  readonly name: string;
  readonly pattern: RegExp;
  readonly instead: string;
}

const NOT_A_MEMBER = '(?<![.\\w$#])';
const BANNED_GLOBALS: readonly BannedGlobal[] = [
  ['Date.now', `${NOT_A_MEMBER}Date\\.now\\b`, 'take a Clock (kernel/clock.ts)'],
  ['new Date()', `${NOT_A_MEMBER}new Date\\(\\s*\\)`, 'take a Clock (kernel/clock.ts)'],
  ['performance.now', `${NOT_A_MEMBER}performance\\.(?:now|timeOrigin)\\b`, 'take a Clock (kernel/clock.ts)'],
  ['process.hrtime', `${NOT_A_MEMBER}process\\.(?:hrtime|uptime)\\b`, 'take a Clock (kernel/clock.ts)'],
  ['Math.random', `${NOT_A_MEMBER}Math\\.random\\b`, 'take a Random (kernel/random.ts)'],
  [
    'a bare timer',
    `(?:${NOT_A_MEMBER}|\\bglobalThis\\.)set(?:Timeout|Interval|Immediate)\\s*\\(`,
    'take a Clock (kernel/clock.ts)',
  ],
  ['AbortSignal.timeout', `${NOT_A_MEMBER}AbortSignal\\.timeout\\b`, 'take a Clock (kernel/clock.ts)'],
  [
    'process.env',
    `${NOT_A_MEMBER}process\\.env\\b`,
    'take the value as an argument; main.ts reads the environment',
  ],
  ['process.exit', `${NOT_A_MEMBER}process\\.exit\\b`, 'throw, or return to main.ts'],
  ['console', `${NOT_A_MEMBER}console\\.`, 'take a log'],
].map(([name = '', pattern = '', instead = '']) => ({ name, pattern: new RegExp(pattern, 'g'), instead }));

/** What is started as a process of its own: the edge, where arguments, environment and exit codes are. */
const PROGRAMS =
  /^src\/(?:main\.ts|launch\.mjs|install\.mjs|bookstore\/(?:server|client)\.ts|traffic\/main\.ts)$/;

/** The kernel wraps the globals, the command line and the other programs are the edge. */
function mayTouchGlobals(file: string, name: string): boolean {
  return PROGRAMS.test(file) || (name !== 'process.exit' && /^src\/(?:kernel|cli)\//.test(file));
}

/** The folder of src/ that a file belongs to; for a file that stands in src/ itself, its name. */
function unitOf(file: string): string {
  return file.split('/')[1] ?? '';
}

function resolveImport(file: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : undefined;
}

/** Every import of the source, held to the table. */
export function checkImports(sources: Sources): Violation[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(text).flatMap((found) => checkImport(file, found, sources)),
  );
}

function checkImport(file: string, { kind, specifier, line }: Import, sources: Sources): Violation[] {
  const at = (message: string): Violation[] => [{ file, line, message }];
  if (/^node:timers\b/.test(specifier) && !mayTouchGlobals(file, specifier))
    return at(`imports ${specifier}; take a Clock (kernel/clock.ts)`);
  const target = resolveImport(file, specifier);
  if (target === undefined) return [];
  if (!sources.has(target)) return kind === 'entry' ? [] : at(`imports ${specifier}, which does not exist`);
  const from = unitOf(file);
  const to = unitOf(target);
  if (from === to) return [];
  const allowed = MAY_IMPORT[from];
  if (allowed === undefined) return at(`${from} is not in the import table`);
  if (!allowed.includes(to))
    return at(`${from} must not import ${to} (it may: ${allowed.join(', ') || 'nothing'})`);
  const isFolder = target.split('/').length > 2;
  if (isFolder && kind !== 'entry' && !OPEN_FOLDERS.includes(to) && posix.basename(target) !== 'index.ts')
    return at(`enters ${to} through ${target}; import its index.ts`);
  return [];
}

/** The modules that loading `entry` loads, each with the chain of imports that leads to it. */
export function loadedModules(sources: Sources, entry: string): Map<string, readonly string[]> {
  const chains = new Map<string, readonly string[]>([[entry, [entry]]]);
  for (const [file, chain] of chains) {
    for (const { kind, specifier } of importsOf(sources.get(file) ?? '')) {
      const target = resolveImport(file, specifier) ?? specifier;
      if (kind === 'type' || kind === 'entry' || chains.has(target)) continue;
      chains.set(target, [...chain, target]);
    }
  }
  return chains;
}

/** What a data thread loads must be light. */
export function checkDataThread(sources: Sources, entry: string): Violation[] {
  if (!sources.has(entry)) return [];
  const packageOf = (name: string): string => name.split('/', name.startsWith('@') ? 2 : 1).join('/');
  return [...loadedModules(sources, entry)]
    .filter(([name]) => HEAVY_PACKAGES.includes(packageOf(name)) || name.startsWith('@fastify/'))
    .map(([name, chain]) => ({
      file: chain.at(-2) ?? entry,
      line: 1,
      message: `a data thread would load ${name}: ${chain.join(' -> ')}`,
    }));
}

/** Modules that load each other in a circle: one of them sees the other half-made. */
export function checkCycles(sources: Sources): Violation[] {
  const violations: Violation[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (file: string, path: readonly string[]): void => {
    if (state.get(file) === 'done' || !sources.has(file)) return;
    if (state.get(file) === 'open') {
      const circle = [...path.slice(path.indexOf(file)), file];
      violations.push({ file, line: 1, message: `modules load each other: ${circle.join(' -> ')}` });
      return;
    }
    state.set(file, 'open');
    for (const { kind, specifier } of importsOf(sources.get(file) ?? '')) {
      const target = resolveImport(file, specifier);
      if (kind === 'static' && target !== undefined) visit(target, [...path, file]);
    }
    state.set(file, 'done');
  };
  for (const file of sources.keys()) visit(file, []);
  return violations;
}

/** Clocks, chance, the environment, the console: only where they are wrapped. */
export function checkGlobals(sources: Sources): Violation[] {
  return [...sources].flatMap(([file, text]) => {
    const { code } = blank(text);
    return BANNED_GLOBALS.filter(({ name }) => !mayTouchGlobals(file, name)).flatMap(
      ({ name, pattern, instead }) =>
        [...code.matchAll(pattern)].map((match) => ({
          file,
          line: lineAt(text, match.index),
          message: `uses ${name}; ${instead}`,
        })),
    );
  });
}

export function checkLength(sources: Sources): Violation[] {
  return [...sources].flatMap(([file, text]) => {
    const lines = text.trimEnd().split('\n').length;
    return lines > MAX_LINES
      ? [{ file, line: MAX_LINES + 1, message: `has ${lines} lines, more than ${MAX_LINES}` }]
      : [];
  });
}

const EMPTY_WORDS = /(?:^|[-_.])(?:utils?|helpers?|common|misc|managers?)(?=$|[-_.])/i;
const EMPTY_NAMES =
  /\b(?:class|interface|type|function)\s+(\w*(?:Utils?|Helpers?|Misc|Manager)|(?:utils?|helpers?|misc|common|manager))\b/g;
const SILENCED = /@ts-(?:ignore|nocheck|expect-error)\b/g;

/** Names that say nothing, and comments that switch the compiler off. */
export function checkNames(sources: Sources): Violation[] {
  return [...sources].flatMap(([file, text]) => {
    const segments = file.split('/').filter((segment) => EMPTY_WORDS.test(segment));
    const { code, withStrings } = blank(text);
    const isComment = (offset: number): boolean => withStrings[offset] === ' ';
    return [
      ...segments.map((segment) => ({
        file,
        line: 1,
        message: `"${segment}" says nothing about what is inside`,
      })),
      ...[...code.matchAll(EMPTY_NAMES)].map((match) => ({
        file,
        line: lineAt(text, match.index),
        message: `"${match[1]}" says nothing about what it does`,
      })),
      ...[...text.matchAll(SILENCED)]
        .filter((match) => isComment(match.index))
        .map((match) => ({
          file,
          line: lineAt(text, match.index),
          message: `${match[0]} hides an error; fix the type`,
        })),
    ];
  });
}
