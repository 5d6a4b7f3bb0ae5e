import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchSubject, type Ports } from './launch.ts';
import type { Place, Subject } from './subject.ts';

export const MAIN_PATH = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
export const LAUNCHER_PATH = fileURLToPath(new URL('../../src/launch.mjs', import.meta.url));

export interface SluiceSetup {
  readonly threads: number;
}

/** The file that a user would write: defaults wherever there is one, so access log and metrics are on. */
export function sluiceConfig(
  place: Pick<Place, 'certificate' | 'backendPort'>,
  ports: Ports,
  setup: SluiceSetup,
): string {
  const { certificate, backendPort } = place;
  return `version: 1
threads: ${setup.threads}
admin: { listen: "127.0.0.1:${ports.admin}" }
certificates:
  bench: { cert: "${certificate.certPath}", key: "${certificate.keyPath}" }
listeners:
  plain: { address: 127.0.0.1, port: ${ports.plain} }
  secure: { address: 127.0.0.1, port: ${ports.tls}, tls: { certificates: [bench] } }
routes:
  - { name: all, match: { path: "/*" }, pool: web }
pools:
  web:
    servers: ["127.0.0.1:${backendPort}"]
    health: /small
`;
}

/** Sluice with this many data threads. */
export function sluiceSubject(name: string, threads: number): Subject {
  return {
    name,
    about: `${threads} data thread${threads === 1 ? '' : 's'}, JSON access log to standard output, which is a file`,
    absence: () => (existsSync(MAIN_PATH) ? undefined : 'src/main.ts is not there'),
    start(place) {
      const configPath = join(place.folder, 'sluice.yaml');
      return launchSubject(place, {
        name,
        command: process.execPath,
        args: (ports) => {
          writeFileSync(configPath, sluiceConfig(place, ports, { threads }));
          return [...(place.nodeOptions ?? []), MAIN_PATH, 'run', '--config', configPath];
        },
      });
    },
  };
}

export const sluice = sluiceSubject('sluice', 1);
