// The launcher's first step in a checkout: `npm ci` when node_modules does not hold what package-lock.json names.
// Plain JavaScript without dependencies, like launch.mjs, which loads it only in a checkout.
//
// What was installed is read from npm's own record, so that a hand-run `npm ci` counts (rejected: a stamp file of ours).
// Launchers that start at once take turns by a lock file. It names its holder, and the npm that the holder started:
// when both are dead the lock is broken, so no kill -9 leaves a checkout that cannot start.
import { existsSync, linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const LOCK_WAIT_MS = 15 * 60_000;
const LOCK_POLL_MS = 100;
const HEARTBEAT_MS = 10_000;
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];

/** @typedef {{ install: false } | { install: true, reason: string }} InstallDecision */
/** @typedef {{ version?: string, integrity?: string, dev?: boolean, optional?: boolean, link?: boolean }} LockEntry */
/** @typedef {{ packages?: Record<string, LockEntry> }} Lockfile */
/** @typedef {{ pid: number, nonce: string, childPid?: number }} LockHolder */
/** @typedef {{ release: () => void, alsoHeldBy: (childPid: number) => void }} HeldLock */
/**
 * What the launcher lends: `say` writes a line to stderr; `run` starts a program that gets the launcher's signals, and
 * resolves when it ends.
 * @typedef {{
 *   say: (text: string) => void,
 *   run: (command: string, args: string[], options: import('node:child_process').SpawnOptions,
 *     onStart?: (pid: number) => void) => Promise<{ code: number | null, signal: NodeJS.Signals | null }>,
 * }} Host
 */

/** An error that is told to the user in one line, without a stack. */
export class LaunchError extends Error {}

/**
 * Does node_modules hold what the lockfile names? npm records what it installed in node_modules/.package-lock.json, and
 * writes it last, so an interrupted install has none. Optional packages may be absent (they belong to other
 * platforms) but not of another version; development packages count only when `withDev`.
 * @param {{ lock: Lockfile, installed: Lockfile | undefined, withDev: boolean }} state
 * @returns {InstallDecision}
 */
export function decideInstall({ lock, installed, withDev }) {
  if (installed === undefined) return { install: true, reason: 'node_modules is missing or incomplete' };
  const present = installed.packages ?? {};
  for (const [path, want] of Object.entries(lock.packages ?? {})) {
    if (path === '' || want.link) continue;
    const have = present[path];
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (have === undefined) {
      if (want.optional || (want.dev && !withDev)) continue;
      return { install: true, reason: `${name} is not installed` };
    }
    const sameFile = !want.integrity || !have.integrity || want.integrity === have.integrity;
    if (have.version !== want.version || !sameFile)
      return { install: true, reason: `${name} is ${have.version} and should be ${want.version}` };
  }
  return { install: false };
}

/**
 * Brings node_modules up to the lockfile.
 * @param {string} root
 * @param {boolean} withDev are development packages needed?
 * @param {Host} host
 */
export async function ensureInstalled(root, withDev, host) {
  if (!readState(root, withDev).install) return;
  const lock = await takeLock(join(root, '.install-lock'), (holder) =>
    host.say(`process ${holder.pid} is installing the packages; waiting for it`),
  );
  process.once('exit', lock.release);
  try {
    const state = readState(root, withDev);
    if (state.install) await runNpmCi(root, state.reason, lock, host);
  } finally {
    process.off('exit', lock.release);
    lock.release();
  }
}

/** @param {string} root @param {boolean} withDev */
function readState(root, withDev) {
  /** @type {Lockfile | undefined} */
  const lock = readJson(join(root, 'package-lock.json'));
  if (lock === undefined)
    throw new LaunchError(`${join(root, 'package-lock.json')} cannot be read; restore it from git.`);
  return decideInstall({
    lock,
    installed: readJson(join(root, 'node_modules', '.package-lock.json')),
    withDev,
  });
}

/** @param {string} root @param {string} reason @param {HeldLock} lock @param {Host} host */
async function runNpmCi(root, reason, lock, { say, run }) {
  const npm = npmCommand();
  say(`${reason}: running npm ci in ${root} (some 15 s to a few minutes)`);
  const started = performance.now();
  const elapsed = () => `${Math.round((performance.now() - started) / 1000)} s`;
  const heartbeat = setInterval(() => say(`still installing after ${elapsed()}`), HEARTBEAT_MS);
  // Engine warnings would bury what matters: npm runs on the host's Node, Sluice does not.
  const args = [...npm.args, 'ci', '--include=dev', '--include=optional', '--ignore-scripts', ...QUIET];
  try {
    /** @type {import('node:child_process').SpawnOptions} */
    const options = { cwd: root, stdio: ['ignore', 2, 2], shell: npm.shell };
    const { code, signal } = await run(npm.command, args, options, lock.alsoHeldBy);
    if (code !== 0)
      throw new LaunchError(
        `npm ci failed (${signal ?? `exit code ${code}`}); its message is above. When the registry can be reached, start again or run \`npm ci\` in ${root}.`,
      );
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT')
      throw new LaunchError(
        `npm was not found. Install it (it comes with Node) and run \`npm ci\` in ${root}.`,
      );
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
  say(`installed in ${elapsed()}`);
}

/** The npm to run: the one that runs us, the one beside this Node, else the one on PATH. */
function npmCommand() {
  const own = process.env['npm_execpath'];
  const beside = dirname(process.execPath);
  const places = [
    ...(own !== undefined && basename(own) === 'npm-cli.js' ? [own] : []),
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  const cli = places.find((place) => existsSync(place));
  const windows = process.platform === 'win32';
  return cli === undefined
    ? { command: windows ? 'npm.cmd' : 'npm', args: [], shell: windows }
    : { command: process.execPath, args: [cli], shell: false };
}

/**
 * Takes the lock file, waiting while its holder lives. It appears with its content at once (a hard link), so it is never
 * read half-written. A dead holder's lock is removed only by whoever first links `<file>.<nonce of the dead>`, and only
 * while it still is that holder's, so that a late reader can never remove a successor's lock.
 * @param {string} file
 * @param {(holder: LockHolder) => void} onWait called once when another process holds it
 * @param {number} [waitMs]
 * @returns {Promise<HeldLock>}
 */
export async function takeLock(file, onWait, waitMs = LOCK_WAIT_MS) {
  const nonce = `${process.pid}-${process.hrtime.bigint()}`;
  const own = `${file}.${nonce}.new`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, nonce }));
  const giveUpAt = performance.now() + waitMs;
  let told = false;
  try {
    for (;;) {
      if (linked(own, file)) return heldLock(file, own, nonce);
      /** @type {LockHolder | undefined} */
      const holder = readJson(file);
      const alive =
        holder !== undefined &&
        [holder.pid, holder.childPid].some((pid) => pid !== undefined && isAlive(pid));
      if (holder !== undefined && !alive) breakLock(file, own, holder);
      else if (holder !== undefined && !told) {
        told = true;
        onWait(holder);
      }
      if (performance.now() > giveUpAt)
        throw new LaunchError(
          `${file} has been held for too long. If no npm is running, delete it and start again.`,
        );
      await new Promise((done) => setTimeout(done, LOCK_POLL_MS));
    }
  } finally {
    remove(own);
  }
}

/** @param {string} file @param {string} own @param {string} nonce @returns {HeldLock} */
function heldLock(file, own, nonce) {
  return {
    release: () => remove(file),
    alsoHeldBy: (childPid) => {
      writeFileSync(own, JSON.stringify({ pid: process.pid, nonce, childPid }));
      renameSync(own, file);
    },
  };
}

/** @param {string} file @param {string} own @param {LockHolder} dead */
function breakLock(file, own, dead) {
  const right = `${file}.${dead.nonce}`;
  if (!linked(own, right)) return; // another process is at it
  if (readJson(file)?.nonce === dead.nonce) remove(file);
  remove(`${right}.new`);
  remove(right);
}

/** Makes `to` another name of `from`; false when `to` exists. @param {string} from @param {string} to */
function linked(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} file @returns {any} the parsed file; undefined when it is missing or not JSON */
function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} file */
function remove(file) {
  try {
    unlinkSync(file);
  } catch {
    // somebody else did
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
