import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../src/launch.mjs';
import { launchSubject, type Ports } from './launch.ts';
import type { Place, Subject } from './subject.ts';

export const MAIN_PATH = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
export const LAUNCHER_PATH = fileURLToPath(new URL('../../src/launch.mjs', import.meta.url));

export interface SluiceSetup {
  readonly threads: number;
  /** What speaks HTTP with the clients; the default when it is not given. */
  readonly engine?: 'node';
  /** Idle connections are kept for an hour, as the other subjects keep them. */
  readonly keepsIdle?: boolean;
}

/** The file that a user would write: defaults wherever there is one, so access log and metrics are on. */
export function sluiceConfig(
  place: Pick<Place, 'certificate' | 'backendPort'>,
  ports: Ports,
  setup: SluiceSetup,
): string {
  const { certificate, backendPort } = place;
  const engine = setup.engine === undefined ? '' : `, engine: ${setup.engine}`;
  const listener = setup.keepsIdle === true ? `${engine}, limits: { idle_timeout: 1h }` : engine;
  return `version: 1
threads: ${setup.threads}
admin: { listen: "127.0.0.1:${ports.admin}" }
certificates:
  bench: { cert: "${certificate.certPath}", key: "${certificate.keyPath}" }
listeners:
  plain: { address: 127.0.0.1, port: ${ports.plain}${listener} }
  secure: { address: 127.0.0.1, port: ${ports.tls}, tls: { certificates: [bench] }${listener} }
routes:
  - { name: all, match: { path: "/*" }, pool: web }
pools:
  web:
    servers: ["127.0.0.1:${backendPort}"]
    health: /small
`;
}

/** Sluice with this many data threads. */
export function sluiceSubject(name: string, threads: number, engine?: 'node', keepsIdle = false): Subject {
  const setup = { threads, keepsIdle, ...(engine === undefined ? {} : { engine }) };
  return {
    name,
    about: `${threads} data thread${threads === 1 ? '' : 's'}${engine === undefined ? '' : `, engine: ${engine}`}, JSON access log to standard output, which is a file`,
    absence: () => (existsSync(MAIN_PATH) ? undefined : 'src/main.ts is not there'),
    start(place) {
      const configPath = join(place.folder, 'sluice.yaml');
      return launchSubject(place, {
        name,
        command: process.execPath,
        args: (ports) => {
          writeFileSync(configPath, sluiceConfig(place, ports, setup));
          return [...NODE_FLAGS, ...(place.nodeOptions ?? []), MAIN_PATH, 'run', '--config', configPath];
        },
      });
    },
  };
}

export const sluice = sluiceSubject('sluice', 1);
/** The same for measurements that take longer than idle connections are kept by default. */
export const patientSluice = sluiceSubject('sluice', 1, undefined, true);
/** The same behind Node's own HTTP server. */
export const sluiceNode = sluiceSubject('sluice-node', 1, 'node');
