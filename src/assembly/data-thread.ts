/**
 * A data thread's life: snapshots in two phases (prepare: compile and bind; commit: switch), listeners, draining.
 * A request keeps the plane that it started with; connections and listeners go from one plane to the next.
 */

import { EncoderPlaces } from '../encode/index.ts';
import { HttpDate, type WireDeps } from '../http/index.ts';
import { ByteRing } from '../kernel/byte-ring.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import { errorText } from '../kernel/errors.ts';
import { RequestIds } from '../kernel/ids.ts';
import { defaultMemoryLimit, machineMemoryBytes } from '../kernel/memory.ts';
import { openFilesLimit } from '../kernel/open-files.ts';
import { IpFilter, parseAddress } from '../limit/index.ts';
import { Listener, type ListenerSettings, OpenFiles } from '../listen/index.ts';
import { AccessLog, type AccessRecord, type CellTable, type Log } from '../observe/index.ts';
import { type ListenerPlane, type Plane, type ProxyDeps, RequestPhases } from '../proxy/index.ts';
import { type CompiledTls, compileTls, ListenerTls, type SecretBytes } from '../tls/index.ts';
import { holderGroups } from './holder-groups.ts';
import { MemoryGuard } from './memory-guard.ts';
import type { AccessLogSettings, FromThread, ThreadStart, ToThread } from './messages.ts';
import { type CompileContext, type CompiledSnapshot, compileSnapshot } from './plane.ts';
import type { ListenerSnapshot, Snapshot } from './snapshot.ts';
import { type WireOpener, wireOf } from './wires.ts';

/** One listener of this thread with what the current snapshot says of it. */
interface OpenListener {
  readonly listener: Listener;
  /** Of the listener's counters. */
  readonly cells: number;
  readonly tls: ListenerTls | null;
  wire: WireOpener;
  plane: Plane;
}

interface Prepared {
  readonly snapshot: Snapshot;
  readonly compiled: CompiledSnapshot;
  readonly tls: ReadonlyMap<string, CompiledTls>;
  readonly wires: ReadonlyMap<string, WireOpener>;
  /** Listeners that this snapshot adds: bound, and accepting as soon as it is committed. */
  readonly added: Map<string, OpenListener>;
  readonly accessLog: AccessLogSettings;
}

/** What is told to clients at the end has this long to reach them. */
const FAREWELL_MS = 500;

/** What a thread has beside what snapshots are compiled with. */
export interface ThreadContext extends Omit<CompileContext, 'stickyKeys' | 'log' | 'ServerSessions'> {
  readonly cells: CellTable;
}

export class DataThread {
  readonly #context: ThreadContext;
  readonly #log: Log;
  readonly #post: (message: FromThread) => void;
  readonly #proxyDeps: ProxyDeps & { accessLog: AccessLog | null };
  readonly #listeners = new Map<string, OpenListener>();
  readonly #leaving = new Set<OpenListener>();
  readonly #accessRing: ByteRing;
  readonly #wireDeps: WireDeps;
  readonly #threadCount: number;
  readonly #files: OpenFiles;
  readonly #guard: MemoryGuard;
  #secrets: SecretBytes;
  #prepared: Prepared | null = null;
  /** The last `prepare`, which may still be binding. */
  #preparing: Promise<void> = Promise.resolve();

  constructor(context: ThreadContext, start: ThreadStart, log: Log, post: (message: FromThread) => void) {
    this.#context = context;
    this.#log = log;
    this.#post = post;
    this.#secrets = start.secrets;
    // The last row is main's.
    this.#threadCount = start.cells.threads - 1;
    this.#accessRing = new ByteRing(start.accessRing);
    const { clock, deadlines, sockets } = context;
    this.#files = new OpenFiles(openFilesLimit(), { clock, deadlines, log });
    const { cells, row } = context;
    const listeners = () => [...this.#listeners.values(), ...this.#leaving];
    const groups = () => holderGroups(listeners(), row, cells);
    this.#guard = new MemoryGuard({ clock, log, pressure: sockets.pressure, groups });
    this.#guard.start();
    this.#proxyDeps = {
      clock: context.clock,
      deadlines: context.deadlines,
      ids: new RequestIds(),
      random: context.random,
      accessLog: null,
      log,
      record: emptyRecord(),
      encoders: new EncoderPlaces(sockets.pressure),
      planeFor: (client) => this.#planeFor(client),
    };
    const handler = new RequestPhases(this.#proxyDeps);
    const date = new HttpDate(clock);
    this.#wireDeps = { clock, deadlines, sockets, handler, date, memory: sockets.pressure };
  }

  /** @returns true when the thread's work is over */
  async onMessage(message: ToThread): Promise<boolean> {
    switch (message.type) {
      case 'prepare':
        this.#preparing = this.#prepare(message.snapshot, message.accessLog);
        await this.#preparing;
        return false;
      case 'commit':
        this.#commit(message.generation, message.drainTimeoutMs);
        return false;
      case 'abort':
        this.#abort(message.generation);
        return false;
      case 'server_down':
        this.#context.connections.serverDown(message.pool, message.server, message.why);
        return false;
      case 'secrets':
        this.#secrets = message.secrets;
        return false;
      case 'drain':
        await this.#drain(message.timeoutMs);
        return true;
      default:
        message satisfies never;
        return false;
    }
  }

  // ---- snapshots

  async #prepare(snapshot: Snapshot, accessLog: AccessLogSettings): Promise<void> {
    let error: string | null = null;
    const added = new Map<string, OpenListener>();
    try {
      const compiled = await compileSnapshot(snapshot, {
        ...this.#context,
        log: this.#log,
        stickyKeys: this.#secrets.stickyKeys,
        ServerSessions: await serverSessionsFor(snapshot),
      });
      const tls = this.#compileAllTls(snapshot);
      const wires = await this.#wiresOf(snapshot, compiled.plane);
      for (const options of snapshot.listeners) {
        const known = this.#listeners.get(options.name);
        if (!this.#listensOn(options) || (known && isSameAddress(known, options))) continue;
        const wire = wires.get(options.name) as WireOpener;
        const opened = this.#openListener(options, tls.get(options.name), wire, compiled.plane);
        added.set(options.name, opened);
        await opened.listener.listen();
      }
      this.#prepared = { snapshot, compiled, tls, wires, added, accessLog };
    } catch (thrown) {
      error = errorText(thrown);
      for (const { listener } of added.values()) listener.destroy();
    }
    this.#post({ type: 'prepared', generation: snapshot.generation, error });
  }

  /** Ports are bound by all threads; a Unix socket by one, which is the same for its path as long as the process lives. */
  #listensOn({ host, socket }: ListenerSnapshot): boolean {
    return socket === null || hashText(host ?? '') % this.#threadCount === this.#context.thread;
  }

  #compileAllTls(snapshot: Snapshot): Map<string, CompiledTls> {
    const all = new Map<string, CompiledTls>();
    for (const listener of snapshot.listeners) {
      if (listener.tls === null) continue;
      const { certificates, minVersion, strictSni } = listener.tls;
      const options = {
        scope: listener.name,
        materials: snapshot.certificates,
        certificates,
        minVersion,
        strictSni,
        ticketKey: this.#secrets.ticketKey,
        alpn: listener.http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      };
      all.set(listener.name, compileTls(options, this.#listeners.get(listener.name)?.tls?.current));
    }
    return all;
  }

  async #wiresOf({ listeners }: Snapshot, plane: Plane): Promise<Map<string, WireOpener>> {
    const wires = new Map<string, WireOpener>();
    for (const listener of listeners) {
      const { cells } = plane.listeners.get(listener.name) as ListenerPlane;
      wires.set(listener.name, await wireOf(listener, this.#wireDeps, cells));
    }
    return wires;
  }

  #openListener(
    options: ListenerSnapshot,
    compiledTls: CompiledTls | undefined,
    wire: WireOpener,
    plane: Plane,
  ): OpenListener {
    const tls = compiledTls ? new ListenerTls(compiledTls) : null;
    const { clock, deadlines } = this.#context;
    const opened: OpenListener = {
      tls,
      cells: options.cells,
      wire,
      plane,
      listener: new Listener(
        { host: options.host, port: options.port, socket: options.socket },
        this.#settingsOf(options, tls, plane),
        (socket, client, onClose) => opened.wire(socket, client, onClose),
        { clock, deadlines, log: this.#log, files: this.#files },
      ),
    };
    return opened;
  }

  #settingsOf(options: ListenerSnapshot, tls: ListenerTls | null, plane: Plane): ListenerSettings {
    const filter = new IpFilter(options.ipAllow, options.ipDeny);
    const { slots, thread } = this.#context;
    const listenerPlane = plane.listeners.get(options.name);
    if (!listenerPlane) throw new Error(`listener ${options.name} is not in its own snapshot`);
    return {
      name: options.name,
      tls,
      handshakeTimeoutMs: options.limits.headerTimeoutMs,
      proxyProtocol: this.#proxyProtocolOf(options),
      cells: listenerPlane.cells,
      admits: (ip) => filter.isOpen || filter.decide(parseAddress(ip)) === 'allowed',
      isTrusted: listenerPlane.isTrusted,
      acquire: () => slots.tryAcquire(options.slot, thread, options.maxConnections),
      release: () => slots.release(options.slot, thread),
    };
  }

  #proxyProtocolOf({ proxyProtocol, limits }: ListenerSnapshot): ListenerSettings['proxyProtocol'] {
    if (proxyProtocol === 'none') return null;
    return { isRequired: proxyProtocol === 'required', timeoutMs: limits.headerTimeoutMs };
  }

  #commit(generation: number, drainTimeoutMs: number): void {
    const prepared = this.#prepared;
    if (prepared?.snapshot.generation !== generation) return;
    this.#prepared = null;
    const { plane } = prepared.compiled;
    this.#useAccessLog(prepared.accessLog);
    this.#guard.setLimit(prepared.snapshot.maxMemoryBytes ?? defaultMemoryLimit(machineMemoryBytes()));
    // Before those leave that have been at the same paths.
    for (const { listener } of prepared.added.values()) listener.publish();
    const names = new Set(prepared.snapshot.listeners.map((it) => it.name));
    for (const [name, open] of this.#listeners) {
      if (!names.has(name) || prepared.added.has(name)) this.#leave(name, open, drainTimeoutMs);
    }
    for (const options of prepared.snapshot.listeners) {
      const added = prepared.added.get(options.name);
      if (added) {
        this.#listeners.set(options.name, added);
        continue;
      }
      const open = this.#listeners.get(options.name);
      if (open === undefined) continue;
      const compiledTls = prepared.tls.get(options.name);
      if (open.tls && compiledTls) open.tls.use(compiledTls);
      open.wire = prepared.wires.get(options.name) as WireOpener;
      open.plane = plane;
      open.listener.configure(this.#settingsOf(options, open.tls, plane));
    }
    this.#context.connections.keepOnly(
      prepared.compiled.connectionKeys,
      new Set(prepared.compiled.plane.pools.keys()),
    );
    this.#context.access.keepOnly(prepared.compiled.accessKeys);
    this.#context.shared.keepOnly(prepared.snapshot.sharedLimits);
    this.#post({ type: 'committed', generation });
  }

  #useAccessLog(settings: AccessLogSettings): void {
    if (!settings.isEnabled) {
      this.#proxyDeps.accessLog = null;
      return;
    }
    this.#proxyDeps.accessLog ??= new AccessLog(settings, {
      random: this.#context.random,
      ring: this.#accessRing,
      onHalfFull: () => this.#post({ type: 'access' }),
    });
    this.#proxyDeps.accessLog.setSampleFraction(settings.sampleFraction);
  }

  #abort(generation: number): void {
    const prepared = this.#prepared;
    if (prepared?.snapshot.generation !== generation) return;
    this.#prepared = null;
    for (const { listener } of prepared.added.values()) listener.destroy();
  }

  /** The plane of the listener that the connection came from; a listener that left keeps the last one it had. */
  #planeFor(client: ClientInfo): Plane {
    // A listener that is bound but not committed yet may get its first connection already.
    const open = this.#listeners.get(client.listener) ?? this.#prepared?.added.get(client.listener);
    if (open) return open.plane;
    for (const { plane } of this.#leaving) if (plane.listeners.has(client.listener)) return plane;
    throw new Error(`a connection of the unknown listener ${client.listener}`);
  }

  #leave(name: string, open: OpenListener, drainTimeoutMs: number): void {
    this.#listeners.delete(name);
    this.#leaving.add(open);
    const cancel = this.#shedAfter(drainTimeoutMs, [open], () => {});
    void open.listener.drain().then(() => {
      cancel();
      this.#leaving.delete(open);
    });
  }

  /** Ends what has not ended by itself by then; clients that have no answer yet get one that says why. @returns cancels it */
  #shedAfter(timeoutMs: number, listeners: readonly OpenListener[], onShed: () => void): () => void {
    const { clock } = this.#context;
    let timer = clock.setTimer(timeoutMs, () => {
      onShed();
      for (const { listener } of listeners) listener.shed();
      timer = clock.setTimer(FAREWELL_MS, () => {
        for (const { listener } of listeners) listener.destroy();
      });
    });
    return () => timer.cancel();
  }

  // ---- the end

  async #drain(timeoutMs: number): Promise<void> {
    let wasCut = false;
    // What is being bound must not come to life behind the end.
    await this.#preparing;
    if (this.#prepared) this.#abort(this.#prepared.snapshot.generation);
    const all = [...this.#listeners.values(), ...this.#leaving];
    const cancel = this.#shedAfter(timeoutMs, all, () => {
      wasCut = true;
    });
    await Promise.all(all.map(({ listener }) => listener.drain()));
    cancel();
    this.#context.connections.destroyAll();
    this.#context.access.closeAll();
    this.#context.shared.closeAll();
    this.#context.deadlines.stop();
    this.#guard.stop();
    this.#post({ type: 'drained', wasCut });
  }
}

function isSameAddress(known: OpenListener, options: ListenerSnapshot): boolean {
  const { address } = known.listener;
  return (
    address.host === options.host &&
    address.port === options.port &&
    address.socket?.mode === options.socket?.mode &&
    address.socket?.gid === options.socket?.gid &&
    (known.tls !== null) === (options.tls !== null)
  );
}

/** Loaded where a pool asks for it: it takes some 30 ms, in each thread. */
async function serverSessionsFor({ pools }: Snapshot): Promise<CompileContext['ServerSessions']> {
  if (pools.every(({ protocol }) => protocol === 'http1')) return null;
  return (await import('../forward-http2/index.ts')).ServerSessions;
}

/** FNV-1a, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function emptyRecord(): AccessRecord {
  return {
    wallMs: 0,
    requestId: '',
    clientIp: '',
    listener: '',
    method: '',
    host: '',
    target: '',
    protocol: '',
    route: '',
    pool: '',
    server: '',
    status: 0,
    reason: 'ok',
    durationMs: 0,
    upstreamMs: -1,
    attempts: 0,
    bytesIn: 0,
    bytesOut: 0,
    user: '',
    tenant: '',
    tls: '',
    userAgent: '',
    grpcStatus: -1,
  };
}
