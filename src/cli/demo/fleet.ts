/**
 * The bookstores of the demo, each a process of its own. Owns their processes, nothing else: what traffic they get is
 * the daemon's affair. One that dies is started again after RESTART_MS, long enough to watch the others take
 * over. They hold a life-line of this process, so they are gone when it is, however it went; and they have a
 * process group of their own, because a Ctrl-C must not stop them before the balancer has drained.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { errorText, SluiceError } from '../../kernel/errors.ts';
import { lifelineSpawn } from '../../kernel/lifeline.ts';
import { isFree, type WantedServer } from './placement.ts';

export const RESTART_MS = 10_000;
/** Longer than a bookstore drains. */
const STOP_MS = 12_000;
const LAST_WORDS_CHARS = 2000;

export interface FleetMember {
  readonly key: string;
  /** `host:port` where it really runs. */
  readonly address: string;
  readonly port: number;
  /** 0 while it does not run. */
  readonly pid: number;
}

export type FleetEvent =
  | { readonly type: 'started'; readonly member: FleetMember; readonly isAgain: boolean }
  | { readonly type: 'died'; readonly member: FleetMember; readonly how: string }
  | { readonly type: 'stopped'; readonly member: FleetMember }
  | { readonly type: 'failed'; readonly member: FleetMember; readonly why: string };

export interface FleetDeps {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly databaseFile: string;
  onEvent(event: FleetEvent): void;
}

/** One bookstore and its process of the moment. */
class Member implements FleetMember {
  readonly key: string;
  readonly host: string;
  port: number;
  child: ChildProcess | undefined;
  restart: Timer | undefined;
  isStopping = false;

  constructor({ key, host, port }: WantedServer) {
    this.key = key;
    this.host = host;
    this.port = port;
  }
  get address(): string {
    return `${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }
  get pid(): number {
    return this.child?.pid ?? 0;
  }
}

export class Fleet {
  readonly #deps: FleetDeps;
  readonly #members = new Map<string, Member>();

  constructor(deps: FleetDeps) {
    this.#deps = deps;
  }

  get members(): readonly FleetMember[] {
    return [...this.#members.values()];
  }

  member(key: string): FleetMember | undefined {
    return this.#members.get(key);
  }

  /** Starts those that do not run yet; resolves when they listen. @throws SluiceError `bookstore_start` */
  async ensure(wanted: readonly WantedServer[]): Promise<void> {
    const missing = wanted.filter(({ key }) => !this.#members.has(key)).map((each) => new Member(each));
    for (const member of missing) this.#members.set(member.key, member);
    const results = await Promise.allSettled(missing.map((member) => this.#startSomewhere(member)));
    const failed = results.find((it) => it.status === 'rejected');
    if (failed === undefined) return;
    await this.#stop(missing);
    throw failed.reason;
  }

  /** Stops those that are not wanted any more; each finishes what it does. */
  async retain(wanted: readonly WantedServer[]): Promise<void> {
    const keys = new Set(wanted.map(({ key }) => key));
    await this.#stop([...this.#members.values()].filter(({ key }) => !keys.has(key)));
  }

  async stop(): Promise<void> {
    await this.#stop([...this.#members.values()]);
  }

  /** On the port that the file says, or on any when that is taken. */
  async #startSomewhere(member: Member): Promise<void> {
    if (!(await isFree(member.host, member.port))) member.port = 0;
    await this.#start(member).catch(async (error: unknown) => {
      if (member.port === 0 || (await isFree(member.host, member.port))) throw error;
      member.port = 0; // taken since we looked
      await this.#start(member);
    });
    this.#tell({ type: 'started', member, isAgain: false });
  }

  async #start(member: Member): Promise<void> {
    const { env, databaseFile } = this.#deps;
    const line = lifelineSpawn(['ignore', 'pipe', 'pipe'], { ...env });
    const args = ['--host', member.host, '--port', String(member.port), '--db', databaseFile];
    const child = spawn(process.execPath, ['--disable-sigusr1', bookstoreEntry(), ...args], {
      stdio: line.stdio,
      env: line.env,
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    member.child = child;
    let lastWords = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS_CHARS);
    });
    const ended = once(child, 'close').then(([code, signal]) => {
      member.child = undefined;
      return signal === null ? `exit code ${code}` : String(signal);
    });
    const failed = ended.then((how) => {
      throw new SluiceError('bookstore_start', `the bookstore ${member.key} did not start: ${how}`, {
        hint: lastWords.trim() || 'It said nothing.',
      });
    });
    member.port = await Promise.race([listeningPort(child), failed]);
    failed.catch(() => {});
    ended.then(
      (how) => this.#onEnd(member, how),
      () => {},
    );
  }

  #onEnd(member: Member, how: string): void {
    if (member.isStopping) return;
    this.#tell({ type: 'died', member, how });
    this.#restartLater(member);
  }

  #restartLater(member: Member): void {
    member.restart = this.#deps.clock.setTimer(RESTART_MS, () => {
      this.#start(member).then(
        () => {
          if (!member.isStopping) this.#tell({ type: 'started', member, isAgain: true });
        },
        (error: unknown) => {
          if (member.isStopping) return;
          this.#tell({ type: 'failed', member, why: errorText(error) });
          this.#restartLater(member);
        },
      );
    });
  }

  async #stop(members: readonly Member[]): Promise<void> {
    await Promise.all(members.map((member) => this.#stopOne(member)));
    for (const { key } of members) this.#members.delete(key);
  }

  async #stopOne(member: Member): Promise<void> {
    member.isStopping = true;
    member.restart?.cancel();
    const { child } = member;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const last = this.#deps.clock.setTimer(STOP_MS, () => child.kill('SIGKILL'));
    await closed;
    last.cancel();
    this.#tell({ type: 'stopped', member });
  }

  #tell(event: FleetEvent): void {
    this.#deps.onEvent({ ...event, member: snapshotOf(event.member) });
  }
}

function snapshotOf({ key, address, port, pid }: FleetMember): FleetMember {
  return { key, address, port, pid };
}

/** Compiled to JavaScript, the bookstore's file ends like this one. */
function bookstoreEntry(): string {
  return fileURLToPath(new URL(`../../bookstore/server${extname(import.meta.url)}`, import.meta.url));
}

/** The port out of the line that a bookstore prints when it listens. */
async function listeningPort(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error('the child has no stdout');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const event = JSON.parse(line) as { event?: string; port?: number };
    if (event.event === 'listening' && event.port !== undefined) {
      child.stdout.resume();
      return event.port;
    }
  }
  return new Promise(() => {}); // its end is told by 'close'
}
