import t from 'tap';
import { connectFailure, rangesText, timeoutFailure } from '../../../src/control/health/failure.ts';

function coded(code: string, message = 'the system says'): Error {
  return Object.assign(new Error(message), { code });
}

t.test('words for what went wrong', async (t) => {
  for (const [thrown, why] of [
    [coded('ECONNREFUSED'), 'connect refused'],
    [new AggregateError([coded('ECONNREFUSED'), coded('EHOSTUNREACH')]), 'connect refused'],
    [new Error('fetch failed', { cause: coded('ENOTFOUND') }), 'host name not found'],
    [coded('EAI_AGAIN'), 'name server does not answer'],
    [coded('ECONNRESET'), 'connection closed before a complete answer'],
    [coded('UND_ERR_SOCKET'), 'connection closed before a complete answer'],
    [coded('ENETUNREACH'), 'host unreachable'],
    [coded('ETIMEDOUT'), 'connect timed out'],
    [coded('EMFILE'), 'too many open files in Sluice itself; raise `ulimit -n`'],
    [
      coded('CERT_HAS_EXPIRED', 'certificate has expired'),
      'certificate not trusted: certificate has expired (CERT_HAS_EXPIRED)',
    ],
    [
      coded(
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'unable to verify the first certificate; if you run node, do this',
      ),
      'certificate not trusted: unable to verify the first certificate',
    ],
    [
      coded('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'),
      /^certificate not trusted: self-signed/,
    ],
    [
      Object.assign(coded('EPROTO', 'long story'), { reason: 'wrong version number' }),
      'TLS failed: wrong version number',
    ],
    [coded('EXOTIC'), 'the system says (EXOTIC)'],
    ['text', 'text'],
  ] as const)
    t.match(connectFailure(thrown), why);
});

t.test('times and ranges', async (t) => {
  t.equal(timeoutFailure(2000), 'timed out after 2s');
  t.equal(timeoutFailure(250, 'no answer'), 'timed out after 250ms, no answer');
  t.equal(
    rangesText([
      [200, 299],
      [401, 401],
    ]),
    '200-299, 401',
  );
});
