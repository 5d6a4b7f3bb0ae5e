/**
 * One server of the fleet in bench/balance.ts: `workers` requests are served at a time, the rest wait in line, and a
 * service time is exponential with the given mean. So it slows down under load as a real one does, instead of only
 * being late.
 *
 * Arguments: port, mean service time in ms, workers, seed.
 * GET /healthz answers at once; GET /stats too, with {"served": n, "waiting": n, "busy": n}; all else is work.
 */
import { createServer, type ServerResponse } from 'node:http';
import { systemClock } from '../../src/kernel/clock.ts';
import { SeededRandom } from '../../src/kernel/random.ts';

const [port = 0, meanMs = 1, workers = 1, seed = 1] = process.argv.slice(2).map(Number);
const random = new SeededRandom(seed);
const line: ServerResponse[] = [];
let busy = 0;
let served = 0;

function startNext(): void {
  const response = line.shift();
  if (response === undefined) return;
  busy++;
  systemClock.setTimer(-Math.log(1 - random.next()) * meanMs, () => {
    busy--;
    served++;
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 3 }).end('ok\n');
    startNext();
  });
}

createServer({ keepAliveTimeout: 3_600_000 }, (request, response) => {
  if (request.url === '/healthz') response.end('ok\n');
  else if (request.url === '/stats') response.end(JSON.stringify({ served, waiting: line.length, busy }));
  else {
    line.push(response);
    if (busy < workers) startNext();
  }
}).listen(port, '127.0.0.1');
