import { fileURLToPath } from 'node:url';
import { launchSubject } from './launch.ts';
import type { Subject } from './subject.ts';

const SERVER = fileURLToPath(new URL('bare-server.ts', import.meta.url));

/** node:net and node:tls alone: what a connection costs before anything is done with it. */
export const bare: Subject = {
  name: 'bare node',
  about: 'node:net and node:tls, the same answer to everything',
  start(place) {
    const { certPath, keyPath } = place.certificate;
    return launchSubject(place, {
      name: 'bare node',
      command: process.execPath,
      args: ({ plain, tls }) => [SERVER, String(plain), String(tls), certPath, keyPath],
    });
  },
};
