/** nginx twice: as the backend behind every subject, and as a proxy under test. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../src/kernel/clock.ts';
import type { BodyName } from '../plan.ts';
import { freePorts } from '../system/ports.ts';
import { waitForAnswer } from '../system/probe.ts';
import { type RunningProcess, startProcess } from '../system/process.ts';
import { launchSubject, type Ports } from './launch.ts';
import type { Place, Subject } from './subject.ts';

/** A keep-alive connection lives as long as the bench: nobody's figures hold reconnects. */
const KEEP = 'keepalive_requests 1000000000; keepalive_timeout 3600s;';

export const SMALL_ANSWER = JSON.stringify({
  id: 4711,
  title: 'The Left Hand of Darkness',
  author: 'Ursula K. Le Guin',
  year: 1969,
  stock: 7,
  price: 12.5,
});

/** Sizes of the answers, in bytes. */
export const BODY_BYTES: Readonly<Record<BodyName, number>> = {
  small: SMALL_ANSWER.length,
  '16k': 16 * 1_024,
  '1m': 1_024 * 1_024,
};

function globalLines(folder: string): string {
  return [
    'daemon off; worker_processes 1; user root;',
    `pid ${join(folder, 'nginx.pid')}; error_log stderr warn;`,
    'events { worker_connections 4096; }',
  ].join('\n');
}

function temporaryPaths(folder: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(' ');
}

function backendConfig(folder: string, port: number): string {
  return `${globalLines(folder)}
http {
  access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; ${KEEP}
  ${temporaryPaths(folder)}
  default_type application/json;
  open_file_cache max=10 inactive=1h;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /small { return 200 '${SMALL_ANSWER}'; }
    location /16k { root ${folder}; try_files /16k.json =404; }
    location /1m { root ${folder}; try_files /1m.json =404; }
  }
}
`;
}

export interface Backend extends AsyncDisposable {
  readonly port: number;
  readonly process: RunningProcess;
}

/** The server behind all subjects: answers any path under /small, /16k and /1m, costs as little as can be. */
export async function startBackend(folder: string, cores: string, clock: Clock): Promise<Backend> {
  const [port = 0] = await freePorts(1);
  for (const body of ['16k', '1m'] as const) {
    writeFileSync(
      join(folder, `${body}.json`),
      `"${'sluice '.repeat(BODY_BYTES[body])}`.slice(0, BODY_BYTES[body]),
    );
  }
  const configPath = join(folder, 'nginx.conf');
  writeFileSync(configPath, backendConfig(folder, port));
  const logPath = join(folder, 'backend.log');
  const args = ['-p', folder, '-c', configPath];
  const process = await startProcess(
    { name: 'backend', command: 'nginx', args, cores, cwd: folder, outPath: logPath, errPath: logPath },
    clock,
  );
  try {
    await waitForAnswer(process, `http://127.0.0.1:${port}/small`, clock);
  } catch (thrown) {
    await process.stop();
    throw thrown;
  }
  return { port, process, [Symbol.asyncDispose]: process.stop };
}

export interface NginxOptions {
  readonly logOptions?: string;
  /** Behind `ssl` of the TLS port. */
  readonly listenOptions?: string;
}

function proxyConfig(place: Place, ports: Ports, options: NginxOptions): string {
  const { logOptions = '', listenOptions = '' } = options;
  const { folder, certificate, backendPort } = place;
  return `${globalLines(folder)}
http {
  access_log ${join(folder, 'access.log')} combined${logOptions}; tcp_nodelay on; ${KEEP}
  ${temporaryPaths(folder)}
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; ${KEEP} }
  server {
    listen 127.0.0.1:${ports.plain} backlog=4096;
    listen 127.0.0.1:${ports.tls} ssl${listenOptions} backlog=4096;
    ssl_certificate ${certificate.certPath}; ssl_certificate_key ${certificate.keyPath};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`;
}

export function nginxWith(name: string, about: string, options: NginxOptions): Subject {
  return {
    name,
    about,
    start(place) {
      const configPath = join(place.folder, 'nginx.conf');
      return launchSubject(place, {
        name,
        command: 'nginx',
        logPath: join(place.folder, 'access.log'),
        args: (ports) => {
          writeFileSync(configPath, proxyConfig(place, ports, options));
          return ['-p', place.folder, '-c', configPath];
        },
      });
    },
  };
}

export const nginx = nginxWith(
  'nginx',
  'one worker, keep-alive upstream, access log "combined" to a file',
  {},
);

/** The log line is held back and written in batches, as Sluice does; not what a fresh nginx.conf does. */
export const nginxBuffered = nginxWith('nginx-buffered', 'as nginx, with access_log buffer=64k flush=1s', {
  logOptions: ' buffer=64k flush=1s',
});
