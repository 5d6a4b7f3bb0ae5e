/** What the clients of a soak share, and how one of them goes on until the end. */
import { type Clock, delay } from '../../src/kernel/clock.ts';
import { errorText } from '../../src/kernel/errors.ts';
import type { SeededRandom } from '../../src/kernel/random.ts';
import type { LoadResult } from '../../test/support/load/client-connection.ts';
import type { Ledger } from './ledger.ts';

export type ListenerName = 'plain' | 'secure' | 'strict';

export interface Scene {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly isStopping: boolean;
  port(listener: ListenerName): number;
}

/** One try; the word that it resolves with goes into the ledger, `ok` when all was right. */
export type Try = (scene: Scene, random: SeededRandom) => Promise<string>;

export interface ClientKind {
  readonly name: string;
  /** How many of them, at a load of 1. */
  readonly count: number;
  /** Mean pause between two tries. */
  readonly pauseMs: number;
  /** Makes one client, with what it keeps between its tries. */
  make(): { try: Try; close(): void };
}

export const HOST = 'Host: soak.example\r\n';
export const PATIENCE_MS = 20_000;

export async function runClient(scene: Scene, kind: ClientKind, random: SeededRandom): Promise<void> {
  const { clock, ledger } = scene;
  const client = kind.make();
  await delay(clock, random.next() * kind.pauseMs * 2);
  while (!scene.isStopping) {
    const startMs = clock.wallMs();
    let word: string;
    try {
      word = await client.try(scene, random);
    } catch (thrown) {
      word = `threw ${errorText(thrown)}`;
    }
    ledger.add({ client: kind.name, kind: word, startMs, endMs: clock.wallMs() });
    await delay(clock, random.next() * kind.pauseMs * 2);
  }
  client.close();
}

/** `ok`, or what came instead of a 200 with this body. */
export function wordOf(result: LoadResult, isRight: (body: Buffer) => boolean, status = 200): string {
  if (result.kind === 'failure') return `${result.why} (${result.detail})`;
  const code = /"code":"(\w+)"/.exec(result.body.toString('latin1'))?.[1];
  if (result.status !== status)
    return code === undefined ? String(result.status) : `${result.status} ${code}`;
  return isRight(result.body) ? 'ok' : 'wrong body';
}
