import t from 'tap';
import { expiryNotice } from '../../../src/tls/index.ts';

const DAY_MS = 86_400_000;
const now = Date.UTC(2027, 0, 15);
const certificate = (fromDays: number, toDays: number) => ({
  fingerprint: 'AA',
  notBeforeMs: now + fromDays * DAY_MS,
  notAfterMs: now + toDays * DAY_MS,
});

t.test('what is said about the dates', async (t) => {
  t.equal(expiryNotice(certificate(-1, 90), now), undefined);
  t.equal(expiryNotice(certificate(-1, 14.01), now), undefined);
  t.match(expiryNotice(certificate(-1, 14), now), {
    type: 'certificate_expiring',
    level: 'warn',
    message: 'expires on 2027-01-29, in 14 days. Renew it.',
  });
  t.match(expiryNotice(certificate(-1, 0.5), now), { message: /in 1 day\./ });
  t.match(expiryNotice(certificate(-90, 0), now), { type: 'certificate_expired', level: 'error' });
  t.match(expiryNotice(certificate(1, 90), now), { message: /^not valid before 2027-01-16/ });
  t.equal(
    expiryNotice(certificate(-1, 3), now)?.key,
    expiryNotice(certificate(-1, 3), now + DAY_MS / 4)?.key,
    'once a day',
  );
});
