import { z } from 'zod';
import { type Checked, check, whole } from './check.ts';

const schema = z.strictObject({
  fail: whole(0, 1_000_000).optional(),
  slowMs: whole(0, 10_000).optional(),
  unhealthy: z.boolean().optional(),
});

export type FaultSettings = z.output<typeof schema>;

/** Checks the body of `POST /faults`. */
export function checkFaults(input: unknown): Checked<FaultSettings> {
  return check(schema, input);
}

/** Misbehaviour on request, for tests and demonstrations: only there when the process was started with it. */
export class Faults {
  #failuresLeft = 0;
  #slowMs = 0;
  #isUnhealthy = false;

  /** Sets what is named and leaves the rest. */
  set(settings: FaultSettings): void {
    this.#failuresLeft = settings.fail ?? this.#failuresLeft;
    this.#slowMs = settings.slowMs ?? this.#slowMs;
    this.#isUnhealthy = settings.unhealthy ?? this.#isUnhealthy;
  }

  clear(): void {
    this.set({ fail: 0, slowMs: 0, unhealthy: false });
  }

  /** By how much each request is delayed. */
  get slowMs(): number {
    return this.#slowMs;
  }

  get isUnhealthy(): boolean {
    return this.#isUnhealthy;
  }

  /** True when this request has to fail; counts it. */
  takeFailure(): boolean {
    if (this.#failuresLeft === 0) return false;
    this.#failuresLeft--;
    return true;
  }

  toJSON(): Required<FaultSettings> {
    return { fail: this.#failuresLeft, slowMs: this.#slowMs, unhealthy: this.#isUnhealthy };
  }
}
