/**
 * The data threads as main sees them: starts them, posts snapshots in two phases, replaces those that die.
 * A thread that dies (thrown, terminated, out of its heap) takes only its own requests with it: its marks in the
 * shared tables are struck out (`onDead`) before its heir starts with the snapshot that is in force.
 *
 * An heir joins between two changes, never during one: else it would miss a commit for which it was not prepared, or put
 * the snapshot before it in force. So a change holds the turn from its `prepare` to its `commit` or `abort`.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../kernel/clock.ts';
import { errorText, SluiceError } from '../kernel/errors.ts';
import { Turns } from '../kernel/turns.ts';
import type { Log } from '../observe/index.ts';
import type { AccessLogSettings, FromThread, ThreadStart, ToThread } from './messages.ts';
import type { Snapshot } from './snapshot.ts';

export interface ThreadPoolDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** The script of a data thread. */
  readonly script: URL;
  startOf(thread: number): ThreadStart;
  /** A thread's ring of access-log lines is half full. */
  onAccess(): void;
  onLog(record: Extract<FromThread, { type: 'log' }>['record']): void;
  onStart(thread: number): void;
  /** The thread is gone for good; nothing runs in it any more. */
  onDead(thread: number, exitCode: number, isExpected: boolean, why: string): void;
}

/** A thread that dies sooner than this after its start is started again only after a pause. */
const SHORT_LIFE_MS = 2000;
const RESTART_PAUSE_MS = 1000;

interface Applied {
  readonly snapshot: Snapshot;
  readonly accessLog: AccessLogSettings;
}

export class ThreadPool {
  readonly #count: number;
  readonly #deps: ThreadPoolDeps;
  readonly #workers = new Map<number, Worker>();
  /** Those that have taken the snapshot in force, or are the first. */
  readonly #serving = new Set<Worker>();
  /** Ended before the first snapshot was in force; replaced as soon as it is. */
  readonly #lost = new Set<number>();
  readonly #turns = new Turns();
  #endTurn: (() => void) | null = null;
  #applied: Applied | null = null;
  #prepared: Applied | null = null;
  #isStopping = false;
  #wasCut = false;

  constructor(count: number, deps: ThreadPoolDeps) {
    this.#count = count;
    this.#deps = deps;
  }

  /** Threads that live now. */
  get size(): number {
    return this.#workers.size;
  }

  async start(): Promise<void> {
    const threads = Array.from({ length: this.#count }, (_, thread) => thread);
    for (const worker of await Promise.all(threads.map((thread) => this.#spawn(thread))))
      this.#serving.add(worker);
  }

  /**
   * `commit` or `abort` must follow. A thread that ends meanwhile is no objection as long as another one is prepared:
   * its heir takes what is in force then.
   * @throws SluiceError with the first thread's complaint; then nothing has changed anywhere
   */
  async prepare(snapshot: Snapshot, accessLog: AccessLogSettings): Promise<void> {
    this.#endTurn = await this.#turns.take();
    const prepared: Applied = { snapshot, accessLog };
    this.#prepared = prepared;
    const answers = await Promise.all([...this.#serving].map((worker) => prepareIn(worker, prepared)));
    const refusal = refusalOf(answers, this.#applied === null);
    if (refusal === null) return;
    this.abort(snapshot.generation);
    throw new SluiceError('snapshot_refused', refusal);
  }

  abort(generation: number): void {
    this.#prepared = null;
    for (const worker of this.#serving) worker.postMessage({ type: 'abort', generation } satisfies ToThread);
    this.#endTurn?.();
  }

  /** @param drainTimeoutMs for what leaves */
  async commit(generation: number, drainTimeoutMs: number): Promise<void> {
    this.#applied = this.#prepared;
    this.#prepared = null;
    await Promise.all([...this.#serving].map((worker) => commitIn(worker, generation, drainTimeoutMs)));
    this.#endTurn?.();
    for (const thread of this.#lost) this.#replace(thread, 0);
    this.#lost.clear();
  }

  broadcast(message: ToThread): void {
    for (const worker of this.#workers.values()) worker.postMessage(message);
  }

  /** Lets every thread finish what it has. @returns whether anything had to be cut */
  async drain(timeoutMs: number): Promise<boolean> {
    this.#isStopping = true;
    const gone = [...this.#workers.values()].map(
      (worker) => new Promise((resolve) => worker.once('exit', resolve)),
    );
    this.broadcast({ type: 'drain', timeoutMs });
    await Promise.all(gone);
    return this.#wasCut;
  }

  async terminate(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#workers.values()].map((worker) => worker.terminate()));
  }

  /** Ends one thread at once, as a crash would (tests, and an operator's last resort). */
  async kill(thread: number): Promise<void> {
    await this.#workers.get(thread)?.terminate();
  }

  #spawn(thread: number): Promise<Worker> {
    const deps = this.#deps;
    const bornMs = deps.clock.nowMs();
    const worker = new Worker(deps.script, {
      workerData: deps.startOf(thread),
      name: `sluice-data-${thread}`,
    });
    this.#workers.set(thread, worker);
    let why = '';
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromThread) => {
        if (message.type === 'ready') {
          deps.onStart(thread);
          resolve(worker);
        } else this.#onMessage(message);
      });
      worker.on('error', (error) => {
        why = errorText(error);
        deps.log.error('data thread failed', { thread, error });
      });
      worker.on('exit', (exitCode) => {
        this.#workers.delete(thread);
        this.#serving.delete(worker);
        deps.onDead(thread, exitCode, this.#isStopping, why);
        reject(
          new SluiceError(
            'thread_failed',
            `data thread ${thread} ended while it started: ${why || `exit code ${exitCode}`}`,
          ),
        );
        if (!this.#isStopping) this.#replace(thread, deps.clock.nowMs() - bornMs);
      });
    });
  }

  #onMessage(message: FromThread): void {
    switch (message.type) {
      case 'access':
        this.#deps.onAccess();
        return;
      case 'log':
        this.#deps.onLog(message.record);
        return;
      case 'drained':
        this.#wasCut ||= message.wasCut;
        return;
      case 'ready':
      case 'prepared':
      case 'committed':
        return;
      default:
        message satisfies never;
    }
  }

  #replace(thread: number, lifeMs: number): void {
    // Before the first snapshot is in force there is nothing that an heir could take.
    if (this.#applied === null) {
      this.#lost.add(thread);
      return;
    }
    const pauseMs = lifeMs < SHORT_LIFE_MS ? RESTART_PAUSE_MS : 0;
    this.#deps.clock.setTimer(pauseMs, () => {
      if (!this.#isStopping) void this.#startHeir(thread);
    });
  }

  async #startHeir(thread: number): Promise<void> {
    try {
      const worker = await this.#spawn(thread);
      await this.#turns
        .run(() => this.#bringUp(worker))
        .catch((error: unknown) => {
          // Alive it would only stand in the way of an heir that can serve.
          void worker.terminate();
          throw error;
        });
      if (!this.#isStopping) this.#deps.log.info('data thread replaced', { thread });
    } catch (error) {
      this.#deps.log.error('data thread could not be replaced', { thread, error });
    }
  }

  /** Puts what is in force in force in an heir too. In a turn of its own. */
  async #bringUp(worker: Worker): Promise<void> {
    if (this.#isStopping) return;
    const applied = this.#applied as Applied;
    const answer = await prepareIn(worker, applied);
    if (this.#isStopping) return;
    if (answer !== 'ready') throw new SluiceError('snapshot_refused', complaintOf(answer));
    await commitIn(worker, applied.snapshot.generation, 0);
    // It may have ended in the meantime; then it was struck off already.
    if ([...this.#workers.values()].includes(worker)) this.#serving.add(worker);
  }
}

/** What a thread said to a snapshot: that it can take it, that it ended, or its complaint. */
type Prepared = 'ready' | 'ended' | { readonly error: string };

function complaintOf(answer: Exclude<Prepared, 'ready'>): string {
  return answer === 'ended' ? 'a data thread ended while it prepared the configuration' : answer.error;
}

/** @param isFirst no thread may be missing at the start: it would mean that they cannot live at all */
function refusalOf(answers: readonly Prepared[], isFirst: boolean): string | null {
  const complaint = answers.find((it) => typeof it === 'object');
  if (complaint) return complaint.error;
  if (!answers.includes('ended')) return null;
  return isFirst || !answers.includes('ready') ? complaintOf('ended') : null;
}

/** Waits for the worker's answer; a worker that ends meanwhile answers by that. */
function answerOf<T extends FromThread['type']>(
  worker: Worker,
  type: T,
  generation: number,
): Promise<Extract<FromThread, { type: T }> | null> {
  return new Promise((resolve) => {
    const done = (answer: Extract<FromThread, { type: T }> | null): void => {
      worker.off('message', onMessage);
      worker.off('exit', onExit);
      resolve(answer);
    };
    const onExit = (): void => done(null);
    const onMessage = (message: FromThread): void => {
      if (message.type === type && 'generation' in message && message.generation === generation)
        done(message as Extract<FromThread, { type: T }>);
    };
    worker.on('message', onMessage);
    worker.on('exit', onExit);
  });
}

async function prepareIn(worker: Worker, applied: Applied): Promise<Prepared> {
  const { snapshot, accessLog } = applied;
  const answer = answerOf(worker, 'prepared', snapshot.generation);
  worker.postMessage({ type: 'prepare', snapshot, accessLog } satisfies ToThread);
  const prepared = await answer;
  if (prepared === null) return 'ended';
  return prepared.error === null ? 'ready' : { error: prepared.error };
}

async function commitIn(worker: Worker, generation: number, drainTimeoutMs: number): Promise<void> {
  const answer = answerOf(worker, 'committed', generation);
  worker.postMessage({ type: 'commit', generation, drainTimeoutMs } satisfies ToThread);
  await answer;
}
