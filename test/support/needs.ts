/**
 * What the machine must have for some tests: programs that npm does not bring. A test without its component is skipped
 * and says how to install it; with SLUICE_REQUIRE_COMPONENTS=1 (set by .ci/run) it fails instead, so that nothing
 * is silently left out where everything is meant to be there.
 *
 *   t.test('…', { skip: component('nginx') }, async (t) => …)
 *   if (!needs(t, 'redis-server')) return;
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Component {
  readonly commands: readonly string[];
  readonly debianPackages: readonly string[];
  /** What Python must find, where the command is Python. */
  readonly pythonModules?: readonly string[];
}

/** A component's command and the Debian packages that bring it. */
export const COMPONENTS = {
  nginx: { commands: ['nginx'], debianPackages: ['nginx'] },
  haproxy: { commands: ['haproxy'], debianPackages: ['haproxy'] },
  'redis-server': { commands: ['redis-server', 'valkey-server'], debianPackages: ['redis-server'] },
  ping: { commands: ['ping'], debianPackages: ['iputils-ping'] },
  wrk: { commands: ['wrk'], debianPackages: ['wrk'] },
  openssl: { commands: ['openssl'], debianPackages: ['openssl'] },
  curl: { commands: ['curl'], debianPackages: ['curl'] },
  python3: { commands: ['python3'], debianPackages: ['python3'] },
  httpx: {
    commands: ['python3'],
    debianPackages: ['python3-httpx', 'python3-h2'],
    pythonModules: ['httpx', 'h2'],
  },
  chromium: { commands: ['chromium'], debianPackages: ['chromium'] },
} as const satisfies Record<string, Component>;

export type ComponentName = keyof typeof COMPONENTS;

/** Debian keeps daemons where a user's PATH does not look. */
const EXTRA_PLACES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The full path of a component's command; undefined when it is not installed. */
export function commandOf(name: ComponentName, environment = process.env): string | undefined {
  const { commands, pythonModules = [] }: Component = COMPONENTS[name];
  const places = [...(environment['PATH'] ?? '').split(delimiter), ...EXTRA_PLACES].filter((p) => p !== '');
  for (const command of commands) {
    for (const place of places) {
      const path = join(place, command);
      if (isExecutable(path) && canImport(path, pythonModules)) return path;
    }
  }
  return undefined;
}

function canImport(python: string, modules: readonly string[]): boolean {
  if (modules.length === 0) return true;
  return spawnSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' }).status === 0;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** For `{ skip: … }`: false when the component is there, else why the test is skipped; throws when it is required. */
export function component(name: ComponentName, environment = process.env): false | string {
  if (commandOf(name, environment) !== undefined) return false;
  const message = `${name} is not installed: apt-get install ${COMPONENTS[name].debianPackages.join(' ')}`;
  if (environment['SLUICE_REQUIRE_COMPONENTS'] === '1') throw new Error(message);
  return message;
}

/** What `needs` uses of a tap test. */
interface SkippableTest {
  skip(reason: string): unknown;
  fail(reason: string): unknown;
}

/** Is the component there? When not, the test is marked as skipped, or as failed when components are required. */
export function needs(t: SkippableTest, name: ComponentName, environment = process.env): boolean {
  try {
    const missing = component(name, environment);
    if (missing === false) return true;
    t.skip(missing);
  } catch (error) {
    t.fail(error instanceof Error ? error.message : String(error));
  }
  return false;
}
