/**
 * An error that says what to do. `code` is stable and machine-readable; `hint` is the next step for a person;
 * the cause is kept. Anything that reaches a user of the command line or the admin API is one of these.
 */
export class SluiceError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options?: { hint?: string; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SluiceError';
    this.code = code;
    this.hint = options?.hint;
  }
}

/** The text of anything thrown, with the system's error code where it has one. */
export function errorText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  return code !== undefined && !thrown.message.includes(code)
    ? `${thrown.message} (${code})`
    : thrown.message;
}

/** The system's error code (`ECONNREFUSED` …) of anything thrown, else ''. */
export function errorCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

/** Files, memory, local ports. */
const SHORTAGES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

/** Whether a connection could not be made for want of something on this machine: no fault of whom it was meant for. */
export function isShortage(thrown: unknown): boolean {
  return SHORTAGES.has(errorCode(thrown));
}
