/**
 * The live numbers of every server, in one SharedArrayBuffer that the main thread makes and posts to the data
 * threads. Nothing on the way of a request sends a message to learn or to tell how busy a server is.
 *
 *   header        64 B                 | magic | capacity | threads | version | epoch (Float64, ms) |
 *   shared lines  capacity × 64 B      | state | weight | max | generation | suspect | next probe | turn | ramp start | ramp ms | errors | 6 of its owner's |
 *   in flight     threads × row        Int32 per slot; row = capacity × 4 B rounded up to a cache line
 *   counters      threads × capacity × 320 B   Float64 per counter, see COUNTER
 *
 * Who writes what: main writes state, weight, max, generation and ramp; any thread writes suspect, next probe, turn and errors
 * (atomically); everything below "shared lines" has one row a thread, written by that thread alone, so that no
 * two threads ever write to one cache line and a dead thread's part can be struck out. Readers sum the rows.
 *
 * Promises: `tryAcquire` never lets more than `max` leases be held over all threads. A slot that gets a new owner has a new
 * generation, no request in flight and zeroed counters. `version` moves with every change that main makes, so that a
 * thread need not look at all slots to know that its picture is current.
 *
 * Looks and claims. What only informs a choice is read plainly (1 ns; an Int32 never tears); what decides, that is the sum after a
 * place was taken, the owner after a place was taken, and every write to a cell that others write too, goes
 * through Atomics (9 ns), which are sequentially consistent. A look may be nanoseconds old; nothing spins on one.
 *
 * Rejected: one shared in-flight counter per server (a thread that dies between two writes leaves a drift that
 * nobody can repair, and all cores fight for its cache line); a lock around the cap (a dead holder blocks everyone).
 */
import { SluiceError } from './errors.ts';
import { COUNTER, COUNTER_FLOATS, SlotCounters, WAITING_SINCE } from './slot-counters.ts';
import { SlotTimes } from './slot-times.ts';

const MAGIC = 0x534c5554; // "SLUT": slot table
const HEADER_INTS = 16;
const H_CAPACITY = 1;
const H_THREADS = 2;
const H_VERSION = 3;
const H_EPOCH_FLOAT = 2; // index in Float64: bytes 16–23

const LINE_INTS = 16;
const STATE_CELL = 0;
const WEIGHT_CELL = 1;
const MAX_CELL = 2;
const GENERATION_CELL = 3;
const SUSPECT_CELL = 4;
const NEXT_PROBE_CELL = 5;
const TURN_CELL = 6;
const RAMP_START_CELL = 7;
const RAMP_MS_CELL = 8;
const ERRORS_CELL = 9;
const OWN_CELL = 10;

/** Bits of a slot's state; main alone sets them. */
export const STATE = {
  /** Takes traffic as far as its health check knows. A server without a check has it from the start. */
  healthy: 1,
  /** At least one check has ended since the slot was given; without it `healthy` is an assumption. */
  checked: 2,
  /** Keeps its sticky clients, takes no new ones. */
  draining: 4,
  /** Takes nothing. */
  maintenance: 8,
  /** Taken out for what requests showed. */
  ejected: 16,
} as const;

/** A suspect server is offered one request in this time, over all threads, until it answers. */
export const PROBE_INTERVAL_MS = 100;

/** A request may have begun so long before a ramp that it meets. */
const YOUNG_MS = 60_000;
/** A server that warms up gets at least this part of its share. */
const LEAST_RAMP = 0.1;

/** A caller's time may be as old as its exchange; below this it is told from a wrap-around. */
const MAX_STALE_MS = 3_600_000;

export class SlotTable {
  /** Post this to a worker and call `SlotTable.attach` there. */
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  /** How many threads have a row: data threads, and main where it takes leases too. */
  readonly threads: number;
  readonly counters: SlotCounters;
  readonly times: SlotTimes;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #rowInts: number;
  readonly #inFlightAt: number;
  readonly #epochMs: number;

  private constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#ints = new Int32Array(buffer);
    this.#floats = new Float64Array(buffer);
    if (this.#ints[0] !== MAGIC) throw new SluiceError('slots_foreign', 'this buffer holds no slot table');
    this.capacity = this.#int(H_CAPACITY);
    this.threads = this.#int(H_THREADS);
    this.#epochMs = this.#floats[H_EPOCH_FLOAT] ?? 0;
    const sizes = layout(this.capacity, this.threads);
    this.#rowInts = sizes.rowInts;
    this.#inFlightAt = sizes.inFlightAt;
    this.counters = new SlotCounters(this.#floats, sizes.countersAt, this.capacity, this.threads);
    this.times = new SlotTimes(this.counters);
  }

  /** @param nowMs monotonic time (`Clock.nowMs`); probe times are kept relative to it. */
  static create(options: { capacity: number; threads: number; nowMs: number }): SlotTable {
    const { capacity, threads, nowMs } = options;
    if (!(Number.isInteger(capacity) && capacity > 0 && Number.isInteger(threads) && threads > 0))
      throw new RangeError(
        `a slot table needs whole numbers above 0, got ${capacity} slots, ${threads} threads`,
      );
    const buffer = new SharedArrayBuffer(layout(capacity, threads).sizeBytes);
    const ints = new Int32Array(buffer);
    ints[0] = MAGIC;
    ints[H_CAPACITY] = capacity;
    ints[H_THREADS] = threads;
    new Float64Array(buffer)[H_EPOCH_FLOAT] = nowMs;
    return new SlotTable(buffer);
  }

  /** The same table in another thread. */
  static attach(buffer: SharedArrayBuffer): SlotTable {
    return new SlotTable(buffer);
  }

  /** Moves with every change of state, weight, cap or owner that main makes. */
  version(): number {
    return this.#ints[H_VERSION] ?? 0;
  }

  // --- written by main -------------------------------------------------------------------------------

  /** Sets and clears bits of STATE in one step; the same bit in both is cleared. */
  setState(slot: number, set: number, clear: number): void {
    const before = this.#look(slot, STATE_CELL);
    this.#change(slot, STATE_CELL, before, (before | set) & ~clear);
  }

  /** @param weight 0–1000 whole; 0 = sticky clients only. */
  setWeight(slot: number, weight: number): void {
    if (!(Number.isInteger(weight) && weight >= 0 && weight <= 1000))
      throw new RangeError(`a weight is a whole number from 0 to 1000, got ${weight}`);
    this.#change(slot, WEIGHT_CELL, this.#look(slot, WEIGHT_CELL), weight);
  }

  /** @param max requests in flight over all threads; 0 = no cap. Lowering it ends nothing that runs. */
  setMaxConnections(slot: number, max: number): void {
    if (!(Number.isInteger(max) && max >= 0 && max < 2 ** 31))
      throw new RangeError(`max_connections is a whole number from 0 to 2^31-1, got ${max}`);
    this.#change(slot, MAX_CELL, this.#look(slot, MAX_CELL), max);
  }

  /** From now on the slot's share grows from a tenth to the whole in `rampMs`; 0 = it has the whole. */
  setRamp(slot: number, rampMs: number, nowMs: number): void {
    Atomics.store(this.#ints, this.#line(slot) + RAMP_START_CELL, this.#tick(nowMs));
    Atomics.store(this.#ints, this.#line(slot) + RAMP_MS_CELL, Math.round(rampMs));
  }

  /**
   * Takes the slot from its owner at once: from now on `generation` tells every thread that its server is gone.
   * Requests in flight go on and are released on it; `clear` may follow when there are none.
   */
  retire(slot: number): void {
    Atomics.add(this.#ints, this.#line(slot) + GENERATION_CELL, 1);
    this.#change(slot, STATE_CELL, -1, 0);
  }

  /** Zeroes everything of a retired slot but its generation. Only while `inFlight` is 0. */
  clear(slot: number): void {
    const line = this.#line(slot);
    for (let cell = 0; cell < LINE_INTS; cell++)
      if (cell !== GENERATION_CELL) Atomics.store(this.#ints, line + cell, 0);
    for (let thread = 0; thread < this.threads; thread++) {
      this.counters.clear(slot, thread);
    }
    Atomics.add(this.#ints, H_VERSION, 1);
  }

  /** Strikes out what a thread held. Call it after that thread has really ended ('exit'), before its heir starts. */
  zeroThread(thread: number): void {
    for (let slot = 0; slot < this.capacity; slot++) {
      Atomics.store(this.#ints, this.#inFlight(slot, thread), 0);
      for (const counter of WAITING_SINCE) this.counters.set(slot, thread, counter, 0);
    }
  }

  // --- read by all -----------------------------------------------------------------------------------

  state(slot: number): number {
    return this.#look(slot, STATE_CELL);
  }
  weight(slot: number): number {
    return this.#look(slot, WEIGHT_CELL);
  }
  maxConnections(slot: number): number {
    return this.#look(slot, MAX_CELL);
  }
  generation(slot: number): number {
    return this.#look(slot, GENERATION_CELL);
  }

  /** The part of its share that a slot takes at the moment, above 0 to 1. */
  rampShare(slot: number, nowMs: number): number {
    const rampMs = this.#look(slot, RAMP_MS_CELL);
    if (rampMs === 0) return 1;
    const passedMs = (this.#tick(nowMs) - this.#look(slot, RAMP_START_CELL)) | 0;
    return passedMs >= rampMs || passedMs < -YOUNG_MS ? 1 : Math.max(LEAST_RAMP, passedMs / rampMs);
  }

  /** Forgets a ramp that is over, before its times wrap around. By main. */
  endRamp(slot: number, nowMs: number): void {
    if (this.#look(slot, RAMP_MS_CELL) !== 0 && this.rampShare(slot, nowMs) === 1)
      this.setRamp(slot, 0, nowMs);
  }

  /** `maxConnections` as far as the slot has warmed up; 0 = no cap. */
  cap(slot: number, nowMs: number): number {
    const max = this.maxConnections(slot);
    const share = max === 0 ? 1 : this.rampShare(slot, nowMs);
    return share === 1 ? max : Math.max(1, Math.floor(max * share));
  }

  /** Requests in flight over all threads: a look. */
  inFlight(slot: number): number {
    const ints = this.#ints;
    const row = this.#rowInts;
    let at = this.#inFlightAt + slot;
    let sum = 0;
    for (let thread = 0; thread < this.threads; thread++, at += row) sum += ints[at] ?? 0;
    return sum;
  }

  /** True when nothing is in flight and, if it was retired before this call, nothing ever will be. */
  isIdle(slot: number): boolean {
    return this.#exactInFlight(slot) === 0;
  }

  /**
   * Whether the slot is still in that generation. Asked after `tryAcquire`, it closes the race with `retire`: either
   * this thread sees the new generation, or main sees the place taken and does not give the slot away.
   */
  isOwned(slot: number, generation: number): boolean {
    return Atomics.load(this.#ints, this.#line(slot) + GENERATION_CELL) === generation;
  }

  /** Requests in flight of one thread. */
  inFlightOf(slot: number, thread: number): number {
    return this.#ints[this.#inFlight(slot, thread)] ?? 0;
  }

  // --- leases: one writer a row ----------------------------------------------------------------------

  /**
   * Adds one in flight unless that makes more than `max` (0 = no cap) over all threads.
   *
   * Exact: the own cell is raised first and the sum read after (both sequentially consistent), so of any set of
   * held leases the last one raised saw all the others. Two threads that meet at the last place both step back; they look
   * again up to 3 times before they call the server full, since a refusal while a place is free would be a needless 503.
   */
  tryAcquire(slot: number, thread: number, max: number): boolean {
    const own = this.#inFlight(slot, thread);
    Atomics.add(this.#ints, own, 1);
    if (max === 0) return true;
    for (let tries = 0; ; tries++) {
      if (this.#exactInFlight(slot) <= max) return true;
      Atomics.sub(this.#ints, own, 1);
      if (tries === 3 || this.#exactInFlight(slot) >= max) return false;
      Atomics.add(this.#ints, own, 1);
    }
  }

  /** Takes back one `tryAcquire` of this thread. */
  release(slot: number, thread: number): void {
    Atomics.sub(this.#ints, this.#inFlight(slot, thread), 1);
  }

  // --- suspicion: any thread -------------------------------------------------------------------------

  /** One refused connection is enough; the next probe is due PROBE_INTERVAL_MS later. */
  markSuspect(slot: number, nowMs: number): void {
    const line = this.#line(slot);
    Atomics.store(this.#ints, line + NEXT_PROBE_CELL, this.#tick(nowMs) + PROBE_INTERVAL_MS);
    Atomics.store(this.#ints, line + SUSPECT_CELL, 1);
  }

  /** It answered. Cheap when it was not suspect: a read. */
  clearSuspect(slot: number): void {
    const at = this.#line(slot) + SUSPECT_CELL;
    if (this.#ints[at] !== 0) Atomics.store(this.#ints, at, 0);
  }

  isSuspect(slot: number): boolean {
    return this.#look(slot, SUSPECT_CELL) !== 0;
  }

  /** A gateway error: of any kind that says the server, and not the application, has failed. */
  countError(slot: number, thread: number): void {
    Atomics.add(this.#ints, this.#line(slot) + ERRORS_CELL, 1);
    this.counters.count(slot, thread, COUNTER.failures, 1);
  }

  /** It answered otherwise. Cheap when it had no errors: a read. */
  clearErrors(slot: number): void {
    const at = this.#line(slot) + ERRORS_CELL;
    if (this.#ints[at] !== 0) Atomics.store(this.#ints, at, 0);
  }

  errorsInARow(slot: number): number {
    return this.#look(slot, ERRORS_CELL);
  }

  /** Six cells of which any thread makes what the slot's owner means by them, by Atomics; zero in a new slot. */
  ownCells(slot: number): Int32Array {
    return this.#ints.subarray(this.#line(slot) + OWN_CELL, this.#line(slot) + LINE_INTS);
  }

  /** Whether a probe could be claimed now; `claimProbe` decides who gets it. */
  isProbeDue(slot: number, nowMs: number): boolean {
    return this.#isDue(this.#look(slot, NEXT_PROBE_CELL), this.#tick(nowMs));
  }

  /** True for one caller over all threads per PROBE_INTERVAL_MS: that one may try the suspect server. */
  claimProbe(slot: number, nowMs: number): boolean {
    const at = this.#line(slot) + NEXT_PROBE_CELL;
    const tick = this.#tick(nowMs);
    const next = Atomics.load(this.#ints, at);
    if (!this.#isDue(next, tick)) return false;
    return Atomics.compareExchange(this.#ints, at, next, (tick + PROBE_INTERVAL_MS) | 0) === next;
  }

  /** The next number (uint32, wraps) of a slot's own sequence; no two threads get the same one. */
  nextTurn(slot: number): number {
    return Atomics.add(this.#ints, this.#line(slot) + TURN_CELL, 1) >>> 0;
  }

  // --- cells -----------------------------------------------------------------------------------------

  #int(at: number): number {
    return this.#ints[at] ?? 0;
  }
  #line(slot: number): number {
    return HEADER_INTS + slot * LINE_INTS;
  }
  #look(slot: number, cell: number): number {
    return this.#ints[HEADER_INTS + slot * LINE_INTS + cell] ?? 0;
  }
  #exactInFlight(slot: number): number {
    let at = this.#inFlightAt + slot;
    let sum = 0;
    for (let thread = 0; thread < this.threads; thread++, at += this.#rowInts)
      sum += Atomics.load(this.#ints, at);
    return sum;
  }
  #inFlight(slot: number, thread: number): number {
    return this.#inFlightAt + thread * this.#rowInts + slot;
  }
  #change(slot: number, cell: number, before: number, after: number): void {
    if (before === after) return;
    Atomics.store(this.#ints, this.#line(slot) + cell, after);
    Atomics.add(this.#ints, H_VERSION, 1);
  }

  /** Milliseconds since the epoch as an Int32 that wraps every 49.7 days; compare by difference only. */
  #tick(nowMs: number): number {
    return (nowMs - this.#epochMs) | 0;
  }
  /** No probe is planned further ahead than the interval: what seems hours ahead is a past that wrapped around. */
  #isDue(next: number, tick: number): boolean {
    const inMs = (next - tick) | 0;
    return inMs <= 0 || inMs > MAX_STALE_MS;
  }
}

function layout(capacity: number, threads: number) {
  const rowInts = Math.ceil(capacity / LINE_INTS) * LINE_INTS;
  const inFlightAt = HEADER_INTS + capacity * LINE_INTS;
  const countersAt = (inFlightAt + threads * rowInts) / 2;
  return {
    rowInts,
    inFlightAt,
    countersAt,
    sizeBytes: (countersAt + threads * capacity * COUNTER_FLOATS) * 8,
  };
}
