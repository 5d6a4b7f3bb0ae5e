/** A thousand servers as one cheap process: an nginx that listens on addresses of 127.0.0.0/8 of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../src/kernel/clock.ts';
import { BODY_BYTES, SMALL_ANSWER } from '../subjects/nginx.ts';
import { freePorts } from '../system/ports.ts';
import { waitForAnswer } from '../system/probe.ts';
import { type RunningProcess, startProcess } from '../system/process.ts';

export const ANSWER_BYTES = BODY_BYTES.small;

export interface ManyServers extends AsyncDisposable {
  /** `127.0.1.0:PORT` and on. */
  readonly addresses: readonly string[];
  readonly process: RunningProcess;
}

/** Any path is answered with the small JSON text of the other benches. */
export async function startManyServers(
  folder: string,
  count: number,
  cores: string,
  clock: Clock,
): Promise<ManyServers> {
  const [port = 0] = await freePorts(1);
  const addresses = Array.from({ length: count }, (_, i) => `127.0.${1 + (i >> 8)}.${i & 255}:${port}`);
  const configPath = join(folder, 'nginx.conf');
  const text = `daemon off; worker_processes 1; user root; worker_rlimit_nofile 16384;
pid ${join(folder, 'nginx.pid')}; error_log stderr warn;
events { worker_connections 16384; }
http {
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 3600s;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((it) => `${it}_temp_path ${join(folder, it)};`).join(' ')}
  default_type application/json;
  server {
    ${addresses.map((address) => `listen ${address};`).join('\n    ')}
    location / { return 200 '${SMALL_ANSWER}'; }
  }
}
`;
  writeFileSync(configPath, text);
  const logPath = join(folder, 'servers.log');
  const args = ['-p', folder, '-c', configPath];
  const running = await startProcess(
    { name: 'servers', command: 'nginx', args, cores, cwd: folder, outPath: logPath, errPath: logPath },
    clock,
  );
  try {
    await waitForAnswer(running, `http://${addresses.at(-1)}/`, clock);
  } catch (thrown) {
    await running.stop();
    throw thrown;
  }
  return { addresses, process: running, [Symbol.asyncDispose]: running.stop };
}
