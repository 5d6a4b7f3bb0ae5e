/**
 * What the machine must have for some tests: programs that npm does not bring. A test without its component is skipped
 * and says how to install it; with SLUICE_REQUIRE_COMPONENTS=1 (set by .ci/run) it fails instead, so that nothing
 * is silently left out where everything is meant to be there.
 *
 *   t.test('…', { skip: component('nginx') }, async (t) => …)
 *   if (!needs(t, 'redis-server')) return;
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A component's command and the Debian package that brings it. */
export const COMPONENTS = {
  nginx: { commands: ['nginx'], debianPackage: 'nginx' },
  haproxy: { commands: ['haproxy'], debianPackage: 'haproxy' },
  'redis-server': { commands: ['redis-server', 'valkey-server'], debianPackage: 'redis-server' },
  ping: { commands: ['ping'], debianPackage: 'iputils-ping' },
  wrk: { commands: ['wrk'], debianPackage: 'wrk' },
  openssl: { commands: ['openssl'], debianPackage: 'openssl' },
  curl: { commands: ['curl'], debianPackage: 'curl' },
  python3: { commands: ['python3'], debianPackage: 'python3' },
} as const satisfies Record<string, { commands: readonly string[]; debianPackage: string }>;

export type ComponentName = keyof typeof COMPONENTS;

/** Debian keeps daemons where a user's PATH does not look. */
const EXTRA_PLACES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The full path of a component's command; undefined when it is not installed. */
export function commandOf(name: ComponentName, environment = process.env): string | undefined {
  const places = [...(environment['PATH'] ?? '').split(delimiter), ...EXTRA_PLACES].filter((p) => p !== '');
  for (const command of COMPONENTS[name].commands) {
    for (const place of places) {
      const path = join(place, command);
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
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
  const message = `${name} is not installed: apt-get install ${COMPONENTS[name].debianPackage}`;
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
