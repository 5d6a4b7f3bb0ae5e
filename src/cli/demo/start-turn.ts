/**
 * Demos that start at the same moment take turns: data threads share ports by SO_REUSEPORT, so two daemons that found the
 * same port free at once would both get it, and half of each other's traffic. The turn is a lock on a SQLite
 * file, which the system gives back when its holder dies, by kill -9 too.
 */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Clock, delay } from '../../kernel/clock.ts';
import { errorCode, SluiceError } from '../../kernel/errors.ts';

const POLL_MS = 50;
const PATIENCE_MS = 60_000;

/** Resolves when it is our turn, with what ends it. @throws SluiceError `demo_turn` */
export async function takeTurn(folder: string, clock: Clock): Promise<() => void> {
  const database = new Database(join(folder, 'start.lock'), { timeout: 0 });
  const giveUpAtMs = clock.nowMs() + PATIENCE_MS;
  for (;;) {
    try {
      database.exec('BEGIN EXCLUSIVE');
      return () => database.close();
    } catch (error) {
      const isBusy = errorCode(error).startsWith('SQLITE_BUSY');
      if (isBusy && clock.nowMs() < giveUpAtMs) {
        await delay(clock, POLL_MS);
        continue;
      }
      database.close();
      throw new SluiceError('demo_turn', `cannot lock ${join(folder, 'start.lock')}`, {
        hint: isBusy
          ? 'Another demo has been starting for a minute: is it stopped?'
          : 'Is the folder writable?',
        cause: error,
      });
    }
  }
}
