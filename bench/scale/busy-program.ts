/**
 * A process that has nothing to do with the daemon and keeps a core busy: what requests wait for the processor beside it they would
 * beside any work. Each line on standard input is a number of milliseconds; it is busy for so long, then says `done`.
 */
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/kernel/clock.ts';
import { watchLifeline } from '../../src/kernel/lifeline.ts';

watchLifeline(() => process.exit());
createInterface({ input: process.stdin }).on('line', (line) => {
  const endMs = systemClock.nowMs() + Number(line);
  while (systemClock.nowMs() < endMs);
  process.stdout.write('done\n');
});
process.stdout.write('ready\n');
