import type { CertificateMaterial, TlsEvent } from './types.ts';

const DAY_MS = 86_400_000;
/** Renewal has normally happened by now: ACME clients renew a month ahead. */
const WARN_BEFORE_MS = 14 * DAY_MS;

export interface ExpiryNotice extends Pick<TlsEvent, 'type' | 'level' | 'message'> {
  /** Changes when there is something new to say. */
  readonly key: string;
}

/** What is to be said about a certificate's dates, if anything. @param wallMs now, Unix milliseconds. */
export function expiryNotice(
  material: Pick<CertificateMaterial, 'notBeforeMs' | 'notAfterMs' | 'fingerprint'>,
  wallMs: number,
): ExpiryNotice | undefined {
  const { notBeforeMs, notAfterMs, fingerprint } = material;
  if (notAfterMs <= wallMs) {
    const message = `expired on ${dayOf(notAfterMs)}: clients refuse it. Renew it; the new files are noticed.`;
    return { type: 'certificate_expired', level: 'error', message, key: `expired ${fingerprint}` };
  }
  if (notBeforeMs > wallMs) {
    const message = `not valid before ${dayOf(notBeforeMs)}: clients refuse it until then. Is the clock right?`;
    return { type: 'certificate_expired', level: 'error', message, key: `early ${fingerprint}` };
  }
  const daysLeft = Math.ceil((notAfterMs - wallMs) / DAY_MS);
  if (notAfterMs - wallMs > WARN_BEFORE_MS) return undefined;
  const message = `expires on ${dayOf(notAfterMs)}, in ${daysLeft} day${daysLeft === 1 ? '' : 's'}. Renew it.`;
  return { type: 'certificate_expiring', level: 'warn', message, key: `${daysLeft} ${fingerprint}` };
}

function dayOf(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 10);
}
