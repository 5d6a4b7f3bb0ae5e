import { fileURLToPath } from 'node:url';
import { launchSubject } from './launch.ts';
import type { Subject } from './subject.ts';

const SERVER = fileURLToPath(new URL('relay-server.ts', import.meta.url));

/** Node's floor: bytes to the backend and back, whatever they mean. */
export const relay: Subject = {
  name: 'relay',
  about: 'bytes between node:net or node:tls and the backend, nothing read; no access log',
  start(place) {
    const { certPath, keyPath } = place.certificate;
    const { nodeOptions = [], backendPort } = place;
    return launchSubject(place, {
      name: 'relay',
      command: process.execPath,
      args: ({ plain, tls }) => {
        return [...nodeOptions, SERVER, ...[plain, tls, backendPort].map(String), certPath, keyPath];
      },
    });
  },
};
