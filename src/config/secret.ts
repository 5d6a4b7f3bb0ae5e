import { inspect } from 'node:util';
import { SluiceError } from '../kernel/errors.ts';

export const MASK = '••••';

/** A value that must not be printed: as text, as JSON and in the inspector it is `••••`. */
export class Secret {
  readonly #value: string | undefined;
  /** Where it comes from, fit to be shown: `the file /run/secrets/x`, `$TOKEN`, `the configuration`. */
  readonly origin: string;

  /** @param value undefined = not read (files were not looked at). */
  constructor(value: string | undefined, origin: string) {
    this.#value = value;
    this.origin = origin;
  }

  /** Whether the value is there: files may not have been looked at. */
  get isRead(): boolean {
    return this.#value !== undefined;
  }

  /** The value itself. Throws `secret_unread` when the configuration was loaded without looking at files. */
  reveal(): string {
    if (this.#value === undefined) {
      throw new SluiceError('secret_unread', `the secret in ${this.origin} was not read`, {
        hint: 'Load the configuration with its files.',
      });
    }
    return this.#value;
  }

  /** True when both hold the same value; never throws. */
  equals(other: Secret): boolean {
    return this.#value === other.#value && (this.#value !== undefined || this.origin === other.origin);
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
