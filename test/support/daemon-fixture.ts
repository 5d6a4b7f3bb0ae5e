import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, type ResolvedConfig } from '../../src/config/index.ts';
import type { FileInput } from '../../src/config/schema/file.ts';
import { Daemon } from '../../src/daemon.ts';
import { delay, systemClock } from '../../src/kernel/clock.ts';

/** How long a count may take to fall to zero after the last client has gone. */
const IDLE_WITHIN_MS = 5000;

/** What every test wants: few threads, nothing outside its own folder, short farewells. */
function withDefaults(input: FileInput, folder: string): FileInput {
  return {
    threads: 1,
    shutdown: { drain_timeout: '1s' },
    admin: { listen: '127.0.0.1:0' },
    store: { path: join(folder, 'data') },
    logs: { level: 'debug', file: join(folder, 'log'), access: { file: join(folder, 'access.log') } },
    ...input,
  };
}

export function loadInput(input: FileInput, folder: string): ResolvedConfig {
  const file = join(folder, 'sluice.yaml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(withDefaults(input, folder), null, 2));
  const result = loadConfig({ file }, { env: {}, wallMs: systemClock.wallMs() });
  if (result.ok) return result.config;
  throw new Error(
    result.diagnostics.map((it) => `${it.line}:${it.column} ${it.path}: ${it.message}`).join('\n'),
  );
}

/**
 * A daemon in this process, in a folder of its own. At its end it waits until nothing is in flight any more (a count
 * that stays is a leak, and fails the test), then stops.
 */
export class DaemonFixture implements AsyncDisposable {
  readonly daemon: Daemon;
  readonly folder: string;

  private constructor(daemon: Daemon, folder: string) {
    this.daemon = daemon;
    this.folder = folder;
  }

  static async start(input: FileInput, folder?: string): Promise<DaemonFixture> {
    try {
      return await DaemonFixture.#startOnce(input, folder);
    } catch (error) {
      // A port 0 becomes a number that is free; somebody else's connection may have it before it is listened on.
      if (folder !== undefined || !String(error).includes('EADDRINUSE')) throw error;
      return await DaemonFixture.#startOnce(input);
    }
  }

  static async #startOnce(
    input: FileInput,
    folder = mkdtempSync(join(tmpdir(), 'sluice-test-')),
  ): Promise<DaemonFixture> {
    const config = loadInput(input, folder);
    const daemon = new Daemon({ config, certificatesDir: join(folder, 'certs') }, systemClock);
    try {
      await daemon.start();
    } catch (error) {
      await daemon.stop().catch(() => {});
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    return new DaemonFixture(daemon, folder);
  }

  /** The port of a listener; of the only one without a name. */
  port(listener?: string): number {
    const found = this.daemon.listeners.find((it) => listener === undefined || it.name === listener);
    if (!found) throw new Error(`no listener ${listener}`);
    return found.port;
  }

  async reload(input: FileInput): Promise<void> {
    await this.daemon.reload(loadInput(input, this.folder));
  }

  /** Requests in flight, requests that wait, open connections and places of limits, over all slots and threads. */
  inFlight(): number {
    const { slots, limits } = this.daemon;
    let sum = limits.places.stats().taken;
    for (let slot = 0; slot < slots.capacity; slot++) sum += slots.inFlight(slot);
    return sum;
  }

  /** Requests in flight on one server. */
  inFlightOf(pool: string, server: string): number {
    return this.daemon.slots.inFlight(this.daemon.registry.server(pool, server).slot.slot);
  }

  /** Waits for a state that shared memory shows and no event tells. */
  async until(what: string, holds: () => boolean, withinMs = IDLE_WITHIN_MS): Promise<void> {
    const endMs = systemClock.nowMs() + withinMs;
    while (!holds()) {
      if (systemClock.nowMs() > endMs) throw new Error(`waited ${withinMs} ms: ${what}`);
      await delay(systemClock, 2);
    }
  }

  idle(): Promise<void> {
    return this.until(`${this.inFlight()} still in flight`, () => this.inFlight() === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.idle();
    } finally {
      await this.daemon.stop();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}
