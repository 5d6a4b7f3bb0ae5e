/** The command line in this process: what goes in and what comes out, without a terminal or a signal in sight. */
import { type Context, type Output, runCommandLine, type SignalName } from '../../src/cli/index.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { systemClock } from '../../src/kernel/clock.ts';

export class FakeOutput implements Output {
  text = '';
  isTerminal = false;
  hasColour = false;
  columns = 100;
  write(text: string): void {
    this.text += text;
  }
}

export class FakeContext implements Context {
  env: Record<string, string | undefined> = {};
  cwd: string;
  readonly clock: Clock;
  readonly stdout = new FakeOutput();
  readonly stderr = new FakeOutput();
  nodeVersion: string = process.versions.node;
  readonly pid = 4711;
  isClosed = false;
  /** What is on standard input. */
  input = '';
  readonly #listeners = new Map<SignalName, (() => void)[]>();
  #onUncaught: ((error: unknown) => void) | undefined;

  constructor(cwd = process.cwd(), clock: Clock = systemClock) {
    this.cwd = cwd;
    this.clock = clock;
  }
  readSecret(): Promise<string> {
    return Promise.resolve(this.input);
  }
  onSignal(name: SignalName, listener: () => void): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }
  onUncaught(listener: (error: unknown) => void): void {
    this.#onUncaught = listener;
  }
  isHungUp(): boolean {
    return this.isClosed;
  }

  signal(name: SignalName): void {
    for (const listener of this.#listeners.get(name) ?? []) listener();
  }
  throwUncaught(error: unknown): void {
    this.#onUncaught?.(error);
  }
}

/** Runs a verb that ends by itself. */
export async function sluice(
  args: readonly string[],
  context = new FakeContext(),
): Promise<{ code: number; stdout: string; stderr: string }> {
  const code = await runCommandLine(args, context);
  return { code, stdout: context.stdout.text, stderr: context.stderr.text };
}
