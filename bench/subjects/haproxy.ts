import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchSubject, type Ports } from './launch.ts';
import type { Place, Subject } from './subject.ts';

export interface HaproxyOptions {
  readonly alpn: string;
}

function config(place: Place, ports: Ports, pemPath: string, { alpn }: HaproxyOptions): string {
  return `global
  nbthread 1
  maxconn 8192
  log stdout format raw local0 info
  tune.ssl.default-dh-param 2048
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout connect 2s
  timeout client 3600s
  timeout server 30s
  timeout http-keep-alive 3600s
  http-reuse always
frontend web
  bind 127.0.0.1:${ports.plain}
  bind 127.0.0.1:${ports.tls} ssl crt ${pemPath} ssl-min-ver TLSv1.2 alpn ${alpn}
  http-request set-header X-Forwarded-Proto https if { ssl_fc }
  http-request set-header X-Forwarded-Proto http if !{ ssl_fc }
  default_backend all
backend all
  server one 127.0.0.1:${place.backendPort}
`;
}

export function haproxyWith(name: string, about: string, options: HaproxyOptions): Subject {
  return {
    name,
    about,
    start(place) {
      const { folder, certificate } = place;
      const pemPath = join(folder, 'bench.pem');
      const configPath = join(folder, 'haproxy.cfg');
      writeFileSync(
        pemPath,
        readFileSync(certificate.certPath, 'utf8') + readFileSync(certificate.keyPath, 'utf8'),
        { mode: 0o600 },
      );
      return launchSubject(place, {
        name,
        command: 'haproxy',
        args: (ports) => {
          writeFileSync(configPath, config(place, ports, pemPath, options));
          return ['-db', '-f', configPath];
        },
      });
    },
  };
}

export const haproxy = haproxyWith(
  'haproxy',
  'one thread, http-reuse always, "option httplog" to standard output, which is a file',
  { alpn: 'http/1.1' },
);
