import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';

/**
 * The log on standard output as a pipe, with readers that read, sleep or go away. The writer runs in a process of its
 * own, since it is about that process's standard output and about its exit.
 */
const source = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
const SCRIPT = `
  import { systemClock } from ${source('kernel/clock.ts')};
  import { LineWriter } from ${source('observe/main/index.ts')};
  const say = (facts) => process.send(facts);
  const writer = new LineWriter(
    { to: { fd: 1 }, maxOutstandingBytes: 1024 * 1024, stopTimeoutMs: 200 },
    { clock: systemClock, warn: (message) => say({ warning: message }) },
  );
  await writer.start();
  const line = 'x'.repeat(99) + '\\n';
  process.on('message', async (order) => {
    if (order.write) {
      for (let i = 0; i < order.write; i++) writer.write(line.repeat(100), 100);
      say({ written: order.write });
    }
    if (order.stop) {
      await writer.stop();
      process.send({ stopped: true, dropped: writer.dropped }, () => process.exit(0));
    }
  });
  say({ ready: true });
`;

interface Facts {
  readonly ready?: boolean;
  readonly written?: number;
  readonly stopped?: boolean;
  readonly dropped?: number;
  readonly warning?: string;
}

class Child {
  readonly process: ChildProcess;
  readonly #facts: Facts[] = [];
  readonly #waiting = new Set<() => void>();

  constructor() {
    this.process = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.process.on('message', (facts) => {
      this.#facts.push(facts as Facts);
      for (const look of this.#waiting) look();
    });
  }

  /** The first message that has this key. */
  said(key: keyof Facts): Promise<Facts> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the child never said "${key}"`)), 20_000);
      const look = (): void => {
        const found = this.#facts.find((facts) => facts[key] !== undefined);
        if (!found) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

t.test('a reader that reads gets every line', async (t) => {
  const child = new Child();
  let bytes = 0;
  child.process.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const ended = once(child.process, 'close');
  await child.said('ready');
  child.process.send({ write: 50 });
  await child.said('written');
  child.process.send({ stop: true });
  const { dropped } = await child.said('stopped');
  t.strictSame(await ended, [0, null]);
  t.equal(dropped, 0);
  t.equal(bytes, 50 * 100 * 100);
});

t.test('a reader that sleeps holds up neither the work nor the exit', async (t) => {
  const child = new Child();
  const exited = once(child.process, 'exit');
  await child.said('ready');
  child.process.send({ write: 500 });
  await child.said('written');
  child.process.send({ stop: true });
  const { dropped = 0 } = await child.said('stopped');
  t.ok(dropped >= 30_000, `${dropped} of 50000 lines were given up`);
  t.strictSame(await exited, [0, null]);
});

t.test('a reader that goes away is one warning and no crash', async (t) => {
  const child = new Child();
  const exited = once(child.process, 'exit');
  await child.said('ready');
  child.process.stdout?.destroy();
  child.process.send({ write: 10 });
  t.match(await child.said('warning'), { warning: /nobody reads it any more/ });
  child.process.send({ write: 10 });
  child.process.send({ stop: true });
  t.match(await child.said('stopped'), { dropped: 2000 });
  t.strictSame(await exited, [0, null]);
});
