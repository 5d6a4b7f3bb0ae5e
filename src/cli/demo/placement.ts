/**
 * Where the parts of the demo stand: the file's words, with ports that are free on this machine and all files in one
 * folder. What was placed once keeps its place over reloads, as long as the file does not change it.
 */
import { join } from 'node:path';
import { claimPort } from '../../assembly/ports.ts';
import type { ListenerConfig, PoolConfig, ResolvedConfig, ServerConfig } from '../../config/index.ts';
import { formatHostPort } from '../../kernel/address.ts';

/** A bookstore that the file asks for; several pools may name the same one. */
export interface WantedServer {
  /** `host:port` as the file says. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
}

/** Something that could not stand where the file wants it. */
export interface Moved {
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/;

/** The bookstores to start: every server on this machine, each once. */
export function wantedServers(config: ResolvedConfig): WantedServer[] {
  const wanted = new Map<string, WantedServer>();
  for (const { host, port } of config.pools.flatMap((pool) => pool.servers)) {
    const key = formatHostPort({ host, port });
    if (LOOPBACK.test(host)) wanted.set(key, { key, host, port });
  }
  return [...wanted.values()];
}

/** `--servers N`: the first pool with so many, further ones on the ports that follow. */
export function withServerCount(config: ResolvedConfig, count: number): ResolvedConfig {
  const [first, ...others] = config.pools;
  const last = first?.servers.at(-1);
  if (!first || !last) return config;
  const servers: ServerConfig[] = first.servers.slice(0, count);
  for (let step = 1; servers.length < count; step++) {
    const port = last.port + step;
    servers.push({ ...last, port, id: formatHostPort({ host: last.host, port }) });
  }
  return { ...config, pools: [{ ...first, servers }, ...others] };
}

export interface Places {
  /** For everything that is kept: certificates, token, database, logs. */
  readonly folder: string;
  /** Where the log goes; undefined = to the daemon's descriptor. */
  readonly logFile: string | undefined;
  listenerPort(listener: ListenerConfig): number;
  readonly adminPort: number;
  /** The port on which the bookstore of this key runs. */
  serverPort(key: string): number | undefined;
}

export function place(config: ResolvedConfig, places: Places): ResolvedConfig {
  const { folder, logFile, adminPort } = places;
  return {
    ...config,
    store: { path: folder },
    admin: { ...config.admin, listen: { ...config.admin.listen, port: adminPort } },
    logs: {
      ...config.logs,
      file: logFile,
      access: { ...config.logs.access, file: join(folder, 'access.log') },
    },
    listeners: config.listeners.map((it) => ({ ...it, port: places.listenerPort(it) })),
    pools: config.pools.map((pool) => ({ ...pool, servers: placeServers(pool, places) })),
  };
}

function placeServers(pool: PoolConfig, places: Places): ServerConfig[] {
  return pool.servers.map((server) => {
    const key = formatHostPort(server);
    const port = places.serverPort(key) ?? server.port;
    // An id that is only the address follows it.
    return {
      ...server,
      port,
      id: server.id === key ? formatHostPort({ host: server.host, port }) : server.id,
    };
  });
}

/** Finds free ports, and remembers what it found: the same answer for the same question ever after. */
export class PortFinder {
  readonly #found = new Map<string, number>();
  readonly #moved: Moved[] = [];

  /** What could not have the port that it asked for. */
  get moved(): readonly Moved[] {
    return this.#moved;
  }

  /** The port that is asked for when it is free, else a free one. */
  async find(what: string, host: string | undefined, port: number): Promise<number> {
    const key = keyOf(what, host, port);
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const found = port !== 0 && (await isFree(host, port)) ? port : await claimPort(what, host, 0);
    this.#found.set(key, found);
    if (port !== 0 && found !== port) this.#moved.push({ what, from: port, to: found });
    return found;
  }

  /** Looks anew for everything from now on. */
  forget(): void {
    this.#found.clear();
    this.#moved.length = 0;
  }

  /** What `find` said, without looking. */
  known(what: string, host: string | undefined, port: number): number {
    return this.#found.get(keyOf(what, host, port)) ?? port;
  }
}

function keyOf(what: string, host: string | undefined, port: number): string {
  return `${what} ${host ?? '*'} ${port}`;
}

export function isFree(host: string | undefined, port: number): Promise<boolean> {
  return claimPort('', host, port).then(
    () => true,
    () => false,
  );
}
