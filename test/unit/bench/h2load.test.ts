import t from 'tap';
import { parseH2load } from '../../../bench/load/h2load.ts';

const SUMMARY = `starting benchmark...
finished in 1.25s, 8000.00 req/s, 2.00MB/s
requests: 10010 total, 10010 started, 10005 done, 10000 succeeded, 3 failed, 2 errored, 1 timeout
status codes: 9990 2xx, 4 3xx, 5 4xx, 6 5xx
traffic: 2.00MB (2097152) total, 100.00KB (102400) headers (space savings 90.00%), 1.00MB (1048576) data
`;

t.test('what h2load says at its end', (t) => {
  t.same(parseH2load(SUMMARY), {
    seconds: 1.25,
    done: 10_005,
    failures: {
      'failed requests': 3,
      'requests with an error': 2,
      timeouts: 1,
      'answers with an error status': 15,
    },
    bytes: 2_097_152,
  });
  t.equal(parseH2load(SUMMARY.replace('1.25s', '850.00ms'))?.seconds, 0.85);
  t.equal(parseH2load('unable to connect'), undefined);
  t.end();
});
