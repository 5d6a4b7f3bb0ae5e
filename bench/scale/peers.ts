/** nginx and HAProxy before as few and as many servers: what many servers cost whoever it is. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SluiceError } from '../../src/kernel/errors.ts';
import type { Stage } from '../stage.ts';
import { freePorts } from '../system/ports.ts';
import { waitForAnswer } from '../system/probe.ts';
import { type ProcessOptions, startProcess } from '../system/process.ts';

export const PEERS = ['nginx', 'haproxy'] as const;
export type PeerName = (typeof PEERS)[number];

export interface Peer extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  emptyAccessLog(): void;
}

interface PeerInput {
  readonly folder: string;
  readonly port: number;
  readonly servers: readonly string[];
}

/** Of two servers drawn at random the less busy one: the nearest to `peak_ewma` that both have. One route, access log on. */
function nginxConfig({ folder, port, servers }: PeerInput): string {
  const keep = 'keepalive_requests 1000000000; keepalive_timeout 3600s;';
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off; worker_processes 1; user root; worker_rlimit_nofile 16384;
pid ${join(folder, 'nginx.pid')}; error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log ${join(folder, 'access.log')} combined; tcp_nodelay on; ${keep}
  ${paths.map((name) => `${name}_temp_path ${join(folder, name)};`).join(' ')}
  upstream web {
    zone web 8m; random two least_conn;
    ${servers.map((address) => `server ${address};`).join('\n    ')}
    keepalive 4096; ${keep}
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`;
}

function haproxyConfig({ port, servers }: PeerInput): string {
  return `global
  nbthread 1
  maxconn 4096
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout connect 2s
  timeout client 3600s
  timeout server 3600s
  http-reuse always
frontend web
  bind 127.0.0.1:${port}
  default_backend web
backend web
  balance random(2)
${servers.map((address, i) => `  server s${i} ${address}`).join('\n')}
`;
}

/** @throws SluiceError when its program is missing, or does not answer */
export async function startPeer(stage: Stage, name: PeerName, servers: readonly string[]): Promise<Peer> {
  const folder = stage.newFolder(`${name}-${servers.length}`);
  const [port = 0] = await freePorts(1);
  const configPath = join(folder, `${name}.conf`);
  const isNginx = name === 'nginx';
  writeFileSync(configPath, (isNginx ? nginxConfig : haproxyConfig)({ folder, port, servers }));
  const outPath = join(folder, 'stdout.log');
  const logPath = isNginx ? join(folder, 'access.log') : outPath;
  const options: ProcessOptions = {
    ...{ name: `${name} with ${servers.length} servers`, command: name, cores: stage.cores.subject },
    args: isNginx ? ['-p', folder, '-c', configPath] : ['-db', '-f', configPath],
    ...{ cwd: folder, outPath, errPath: join(folder, 'stderr.log') },
  };
  const running = await startProcess(options, stage.clock);
  try {
    await waitForAnswer(running, `http://127.0.0.1:${port}/`, stage.clock);
  } catch (thrown) {
    const words = running.tail();
    await running.stop();
    throw new SluiceError('bench_peer', `${options.name} does not answer: ${words}`, { cause: thrown });
  }
  return {
    ...{ port, pid: running.pid },
    emptyAccessLog: () => truncateSync(logPath),
    [Symbol.asyncDispose]: running.stop,
  };
}
