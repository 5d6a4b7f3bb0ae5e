/**
 * The admin address: opened early in the life of the daemon, so that probes get their 503 while it starts, closed last,
 * so that they get it while it drains. On its own port, plain HTTP, loopback unless somebody configured tokens.
 */
import type { AddressInfo } from 'node:net';
import type { HostPort } from '../kernel/address.ts';
import { formatHostPort } from '../kernel/address.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorCode, errorText, SluiceError } from '../kernel/errors.ts';
import { BaseService } from '../kernel/service.ts';
import type { Log } from '../observe/index.ts';
import { type AdminApp, makeApp } from './app.ts';
import type { AdminControl } from './control.ts';
import { type GuardOptions, LoginGuard } from './login-guard.ts';
import { isLoopback } from './origin.ts';
import { actionRoutes } from './routes/actions.ts';
import { poolRoutes } from './routes/pools.ts';
import { probeRoutes } from './routes/probes.ts';
import { serverRoutes } from './routes/servers.ts';
import { stateRoutes } from './routes/state.ts';
import { readOrMakeToken } from './token-file.ts';
import { type TokenOptions, TokenSet } from './tokens.ts';

/** What a reload may change. */
export interface AdminAccess {
  /** Empty: a token is made in `admin.token` in `tokenFolder`, with the role admin. */
  readonly tokens: readonly TokenOptions[];
  /** Further names under which the API may be called. */
  readonly hosts: readonly string[];
}

export interface AdminServerOptions extends AdminAccess {
  /** `host` '' = all addresses; port 0 = any free one. */
  readonly listen: HostPort;
  readonly tokenFolder: string;
  readonly version: string;
  readonly guard?: GuardOptions;
}

export interface AdminServerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly control: AdminControl;
}

/** Answers that are under way at the stop get this long. */
const STOP_TIMEOUT_MS = 2000;
/** The API is for a few people and programs. */
const MAX_CONNECTIONS = 512;

/** @throws SluiceError `admin_open` when the address can be reached from outside and nothing protects it */
export function assertProtected(listen: HostPort, tokens: readonly unknown[]): void {
  if (isLoopback(listen.host) || tokens.length > 0) return;
  throw new SluiceError(
    'admin_open',
    `admin.listen ${formatHostPort(listen)} can be reached from other machines, and no tokens are configured`,
    {
      hint: `Add admin.tokens, such as { name: ops, role: admin, token: { env: ADMIN_TOKEN } }, or listen on 127.0.0.1:${listen.port}.`,
    },
  );
}

export class AdminServer extends BaseService {
  readonly name = 'admin API';
  readonly #options: Omit<AdminServerOptions, keyof AdminAccess>;
  /** Until the start; afterwards only hashes are kept. */
  #first: AdminAccess | undefined;
  readonly #deps: AdminServerDeps;
  #hosts: readonly string[] = [];
  #tokens = new TokenSet([]);
  #madeToken: string | undefined;
  #app: AdminApp | undefined;
  #address: HostPort | undefined;

  constructor(options: AdminServerOptions, deps: AdminServerDeps) {
    super();
    const { tokens, hosts, ...rest } = options;
    this.#first = { tokens, hosts };
    this.#options = rest;
    this.#deps = deps;
  }

  /** Where it listens, port 0 resolved; undefined while it does not. */
  get address(): HostPort | undefined {
    return this.#address;
  }

  /** The token that was made because none is configured. */
  get madeToken(): string | undefined {
    return this.#madeToken;
  }

  /** Gets other tokens ready; the answer puts them in force for the next request. @throws SluiceError */
  async prepare(access: AdminAccess): Promise<() => void> {
    const { listen, tokenFolder } = this.#options;
    assertProtected(listen, access.tokens);
    const made = access.tokens.length > 0 ? undefined : await readOrMakeToken(tokenFolder, this.#deps.log);
    const tokens = new TokenSet(
      made === undefined ? access.tokens : [{ name: 'admin.token', role: 'admin', token: made }],
    );
    return () => {
      this.#tokens = tokens;
      this.#madeToken = made;
      this.#hosts = access.hosts.map((host) => host.toLowerCase());
    };
  }

  protected override async onStart(): Promise<void> {
    const { listen, version, guard } = this.#options;
    if (this.#first) (await this.prepare(this.#first))();
    this.#first = undefined;
    const deps = {
      ...this.#deps,
      version,
      guard: new LoginGuard(guard),
      tokens: () => this.#tokens,
      originRules: () => ({ listenHost: listen.host, hosts: this.#hosts }),
    };
    const app = await makeApp(deps, (scope) => {
      probeRoutes(scope, deps);
      stateRoutes(scope, deps);
      poolRoutes(scope, deps);
      serverRoutes(scope, deps);
      actionRoutes(scope, deps);
    });
    this.#app = app;
    app.server.maxConnections = MAX_CONNECTIONS;
    await listenOn(app, listen);
    const bound = app.server.address() as AddressInfo;
    this.#address = { host: listen.host === '' ? bound.address : listen.host, port: bound.port };
  }

  protected override async onStop(): Promise<void> {
    const app = this.#app;
    if (app === undefined) return;
    const deadline = this.#deps.clock.setTimer(STOP_TIMEOUT_MS, () => app.server.closeAllConnections());
    await app.close();
    deadline.cancel();
    this.#address = undefined;
  }
}

async function listenOn(app: AdminApp, { host, port }: HostPort): Promise<void> {
  // One socket, whatever the name resolves to: with port 0 two would get two ports.
  const hosts = host === '' ? ['::', '0.0.0.0'] : [host === 'localhost' ? '127.0.0.1' : host];
  for (const [index, each] of hosts.entries()) {
    try {
      await app.listen({ host: each, port });
      return;
    } catch (error) {
      // A machine without IPv6.
      const isLast = index === hosts.length - 1;
      if (!isLast && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(errorCode(error))) continue;
      throw listenError({ host, port }, error);
    }
  }
}

function listenError(at: HostPort, error: unknown): SluiceError {
  const where = `admin.listen ${formatHostPort(at)}`;
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return new SluiceError('port_taken', `${where}: the port is taken by another program`, {
        hint: `Set admin.listen to another port (0 = any free one), or find who holds it: ss -ltnp 'sport = :${at.port}'`,
        cause: error,
      });
    case 'EACCES':
      return new SluiceError('port_forbidden', `${where}: not allowed to listen there`, {
        hint: 'Choose a port of 1024 or above.',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new SluiceError('listen_failed', `${where}: this machine has no such address`, {
        hint: 'Write an address of this machine, or 127.0.0.1.',
        cause: error,
      });
    default:
      return new SluiceError('listen_failed', `${where}: ${errorText(error)}`, { cause: error });
  }
}
