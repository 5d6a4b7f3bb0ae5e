import t from 'tap';
import { failureKindOf } from '../../../src/forward/attempt.ts';

const error = (code: string): Error => Object.assign(new Error(code), { code });

t.test('whose fault an error of a connection is', async (t) => {
  for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'])
    t.equal(failureKindOf(error(code), true), 'shortage', code);
  for (const code of ['ECONNREFUSED', 'EHOSTUNREACH', 'ENOTFOUND', 'ERR_TLS_CERT_ALTNAME_INVALID'])
    t.equal(failureKindOf(error(code), true), 'connect_error', code);
  for (const code of ['ECONNRESET', 'EPIPE', 'ENOBUFS'])
    t.equal(failureKindOf(error(code), false), 'reset', code);
});
