/**
 * A data thread that does nothing but take and give back places. It keeps its own account of what is held, in a second
 * shared buffer, so that the test does not judge the slot table by the slot table.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../src/kernel/clock.ts';
import { SeededRandom } from '../../src/kernel/random.ts';
import { SlotTable } from '../../src/kernel/slots.ts';
import { compilePool, type Lease, type PoolOptions } from '../../src/pool/index.ts';

export interface HammerOrder {
  readonly buffer: SharedArrayBuffer;
  /** Int32 pairs, by slot: places held now, the most ever held. */
  readonly witness: SharedArrayBuffer;
  readonly thread: number;
  readonly seed: number;
  readonly task:
    | { readonly kind: 'acquire'; readonly slot: number; readonly max: number; readonly rounds: number }
    | { readonly kind: 'pick'; readonly options: PoolOptions; readonly picks: number; readonly hold: number }
    | { readonly kind: 'hold'; readonly options: PoolOptions; readonly picks: number }
    | { readonly kind: 'churn'; readonly slot: number; readonly shared: SharedArrayBuffer };
}

export interface HammerReport {
  readonly done: number;
  readonly refused: number;
  /** Acquisitions that another owner was given the slot under. */
  readonly stolen: number;
}

const order = workerData as HammerOrder;
const slots = SlotTable.attach(order.buffer);
const witness = new Int32Array(order.witness);
const random = new SeededRandom(order.seed);

function noteTaken(slot: number): void {
  const held = Atomics.add(witness, slot * 2, 1) + 1;
  let most = Atomics.load(witness, slot * 2 + 1);
  while (held > most) {
    const seen = Atomics.compareExchange(witness, slot * 2 + 1, most, held);
    if (seen === most) return;
    most = seen;
  }
}

function noteGiven(slot: number): void {
  Atomics.sub(witness, slot * 2, 1);
}

/** `rounds` successful acquisitions of one capped slot, however often it is refused. */
function acquire(slot: number, max: number, rounds: number): HammerReport {
  let done = 0;
  let refused = 0;
  while (done < rounds) {
    if (!slots.tryAcquire(slot, order.thread, max)) {
      refused++;
      continue;
    }
    noteTaken(slot);
    for (let spin = random.below(20); spin > 0; spin--) random.next();
    noteGiven(slot);
    slots.release(slot, order.thread);
    done++;
  }
  return { done, refused, stolen: 0 };
}

function pick(options: PoolOptions, picks: number, hold: number): HammerReport {
  const pool = makePool(options);
  const held: Lease[] = [];
  let done = 0;
  let refused = 0;
  const giveBack = (lease: Lease | undefined): void => {
    if (!lease) return;
    noteGiven(lease.server.slot);
    lease.release('ok');
  };
  while (done < picks) {
    const result = pool.pick(context());
    if (result.kind === 'picked') {
      noteTaken(result.server.slot);
      done++;
      held.push(result);
    } else refused++;
    if (held.length > hold || result.kind === 'none') giveBack(held.splice(random.below(held.length), 1)[0]);
  }
  for (const lease of held) giveBack(lease);
  return { done, refused, stolen: 0 };
}

/** Takes places and keeps them until it is terminated. */
function holdOn(options: PoolOptions, picks: number): HammerReport {
  const pool = makePool(options);
  for (let i = 0; i < picks; i++) pool.pick(context());
  setInterval(() => {}, 1000);
  return { done: picks, refused: 0, stolen: 0 };
}

/**
 * Takes the slot in whatever generation it is; while it is held, main must not give it to a new owner.
 * `shared`, Int32: stop | generation of the present owner | times held, by thread.
 */
function churn(slot: number, buffer: SharedArrayBuffer): HammerReport {
  const [stopped, owner, times] = [0, 1, 2];
  const shared = new Int32Array(buffer);
  let done = 0;
  let refused = 0;
  let stolen = 0;
  while (Atomics.load(shared, stopped) === 0) {
    const generation = Atomics.load(shared, owner);
    slots.tryAcquire(slot, order.thread, 0);
    if (slots.isOwned(slot, generation)) {
      for (let spin = random.below(50); spin > 0; spin--) random.next();
      if (Atomics.load(shared, owner) !== generation) stolen++;
      done++;
      Atomics.add(shared, times + order.thread, 1);
    } else refused++;
    slots.release(slot, order.thread);
    for (let spin = random.below(50); spin > 0; spin--) random.next();
  }
  return { done, refused, stolen };
}

function makePool(options: PoolOptions) {
  return compilePool(options, { slots, thread: order.thread, clock: systemClock, random, stickyKeys: [] });
}

function context() {
  return {
    hashKey: random.below(2 ** 32),
    cookieHeader: null,
    tried: [],
    secure: false,
    priority: 1,
    nowMs: systemClock.nowMs(),
  };
}

function run(): HammerReport {
  const { task } = order;
  switch (task.kind) {
    case 'acquire':
      return acquire(task.slot, task.max, task.rounds);
    case 'pick':
      return pick(task.options, task.picks, task.hold);
    case 'hold':
      return holdOn(task.options, task.picks);
    case 'churn':
      return churn(task.slot, task.shared);
    default:
      return task satisfies never;
  }
}

parentPort?.postMessage(run());
