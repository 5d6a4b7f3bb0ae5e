/**
 * The proxies that the wire cases are played against beside Sluice, each set up as the cases assume: `/admin/*` is a 403,
 * all else goes to one server; head 16 KiB, target 8 KiB, body 1 MiB; times of 1 s, keep-alive 5 s; bodies streamed. What a
 * proxy cannot be told is left at its default: these are the configurations that a careful user writes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LanePorts {
  readonly port: number;
  readonly serverPort: number;
}

export interface WireProxy {
  readonly name: string;
  readonly command: string;
  readonly debianPackage: string;
  readonly versionArgs: readonly string[];
  readonly versionPattern: RegExp;
  /** Writes its configuration into the folder. @returns the arguments that it runs with */
  prepare(folder: string, lanes: readonly LanePorts[]): readonly string[];
}

const nginx: WireProxy = {
  name: 'nginx',
  command: 'nginx',
  debianPackage: 'nginx-light',
  versionArgs: ['-v'],
  versionPattern: /nginx\/(\S+)/,
  prepare(folder, lanes) {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${join(folder, name)};`)
      .join(' ');
    const servers = lanes.map(
      ({ port, serverPort }, i) => `
  upstream lane${i} { server 127.0.0.1:${serverPort}; keepalive 8; }
  server {
    listen 127.0.0.1:${port};
    location /admin/ { return 403; }
    location / {
      proxy_pass http://lane${i};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_to_server;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }`,
    );
    const path = join(folder, 'nginx.conf');
    writeFileSync(
      path,
      `daemon off; worker_processes 1; user root;
pid ${join(folder, 'nginx.pid')}; error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; ${temporary}
  client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 5s; proxy_read_timeout 1s;
  client_header_buffer_size 8k; large_client_header_buffers 2 8k; client_max_body_size 1m;
  proxy_request_buffering off; proxy_buffering off; proxy_next_upstream off;
  map $http_upgrade $connection_to_server { default upgrade; '' ''; }
  ${servers.join('')}
}
`,
    );
    return ['-p', folder, '-c', path];
  },
};

const haproxy: WireProxy = {
  name: 'haproxy',
  command: 'haproxy',
  debianPackage: 'haproxy',
  versionArgs: ['-v'],
  versionPattern: /version ([\d.]+)/,
  prepare(folder, lanes) {
    const sections = lanes.map(
      ({ port, serverPort }, i) => `
frontend in${i}
  bind 127.0.0.1:${port}
  http-request return status 403 if { path_beg /admin/ }
  http-request deny deny_status 413 if { req.hdr_val(content-length) gt 1048576 }
  default_backend out${i}
backend out${i}
  server one 127.0.0.1:${serverPort}`,
    );
    const path = join(folder, 'haproxy.cfg');
    writeFileSync(
      path,
      `global
  nbthread 1
  tune.bufsize 16384
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout http-request 1s
  timeout client 1s
  timeout http-keep-alive 5s
  timeout connect 2s
  timeout server 1s
  timeout tunnel 5s
${sections.join('\n')}
`,
    );
    return ['-db', '-f', path];
  },
};

const caddy: WireProxy = {
  name: 'caddy',
  command: 'caddy',
  debianPackage: 'caddy',
  versionArgs: ['version'],
  versionPattern: /v?(\d+\.\d+\S*)/,
  prepare(folder, lanes) {
    const sites = lanes.map(
      ({ port, serverPort }) => `
http://:${port} {
  bind 127.0.0.1
  request_body {
    max_size 1MiB
  }
  respond /admin/* 403
  reverse_proxy 127.0.0.1:${serverPort} {
    flush_interval -1
    transport http {
      response_header_timeout 1s
    }
  }
}`,
    );
    const path = join(folder, 'Caddyfile');
    mkdirSync(join(folder, 'storage'));
    writeFileSync(
      path,
      `{
  admin off
  auto_https off
  storage file_system ${join(folder, 'storage')}
  servers {
    max_header_size 16KiB
    timeouts {
      read_header 1s
      read_body 1s
      idle 5s
    }
  }
}
${sites.join('\n')}
`,
    );
    return ['run', '--config', path, '--adapter', 'caddyfile'];
  },
};

export const WIRE_PROXIES: readonly WireProxy[] = [nginx, haproxy, caddy];
