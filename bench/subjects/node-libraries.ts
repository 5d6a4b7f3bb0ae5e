import { fileURLToPath } from 'node:url';
import { launchSubject } from './launch.ts';
import type { Subject } from './subject.ts';

const SERVER = fileURLToPath(new URL('node-library-server.ts', import.meta.url));

function librarySubject(name: string, about: string): Subject {
  return {
    name,
    about,
    start(place) {
      const { certPath, keyPath } = place.certificate;
      const { nodeOptions = [], backendPort } = place;
      return launchSubject(place, {
        name,
        command: process.execPath,
        args: ({ plain, tls }) => {
          return [...nodeOptions, SERVER, name, ...[plain, tls, backendPort].map(String), certPath, keyPath];
        },
      });
    },
  };
}

export const httpProxy = librarySubject(
  'http-proxy',
  'on the same Node, keep-alive agent, xfwd; no access log',
);
export const fastProxy = librarySubject('fast-proxy', 'on the same Node, with undici; no access log');
export const fastProxyAgent = librarySubject('fast-proxy-agent', 'as fast-proxy, with its default agent');
