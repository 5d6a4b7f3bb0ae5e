/**
 * Clients on kept connections, plain and TLS, ask a fleet without pause while a server is killed, one drained, one added,
 * one removed and the file edited and reloaded: no idempotent request fails. FAILOVER_SECONDS and FAILOVER_CLIENTS make
 * the run longer and larger, FAILOVER_SEED repeats one (bench/failover.ts prints the figures of several).
 */
import { randomInt } from 'node:crypto';
import t, { type Test } from 'tap';
import { type FailoverResult, runFailover } from '../support/load/failover.ts';

const env = (name: string, normally: number): number => Number(process.env[name] ?? normally);

const MAX_GROWTH_BYTES = 192 * 1024 * 1024;

function judge(t: Test, result: FailoverResult): void {
  const { load, servers } = result;
  t.same(load.failed, [], 'no idempotent request failed');
  t.same(load.broken, [], 'no answer broke off');
  t.same(load.wrong, [], 'no answer that only a wrong proxy could have caused');
  t.ok(load.requests > result.clients * 5, `${load.requests} requests, among them of each kind`);
  t.ok(Object.values(load.byOperation).every((count) => count > 0));
  t.comment(
    `${load.repeated.length} repeats answered 404 or 412, ${load.failedPosts.length} POSTs failed,` +
      ` ${result.retried} requests with more than one attempt; ${JSON.stringify(load.repeated)}`,
  );
  t.equal(result.unexplainedRepeats, 0, 'a repeat was seen only by those whose request was sent twice');
  t.same(result.unexplained, [], 'nothing but POSTs failed in the access log');
  t.equal(result.accessLines, load.requests, 'one line a request');
  t.equal(result.inFlightAtEnd, 0, 'nothing is in flight at the end');
  t.match(
    servers.find((it) => it.id === result.killed),
    { state: 'unhealthy', in_flight: 0 },
    'the killed server is known to be down',
  );
  t.ok(result.maxRssBytes - result.rssBeforeBytes < MAX_GROWTH_BYTES, `memory: ${result.maxRssBytes}`);
}

t.test('a kill, a drain, an addition, a removal and a reload cost no idempotent request', async (t) => {
  const seed = env('FAILOVER_SEED', randomInt(1_000_000));
  const options = {
    seed,
    clients: env('FAILOVER_CLIENTS', 200),
    durationMs: env('FAILOVER_SECONDS', 6) * 1000,
  };
  t.comment(`seed ${seed}`);
  judge(t, await runFailover(options));
});
