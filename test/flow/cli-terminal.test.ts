/** On a terminal: a log for people, one Ctrl-C that counts as one, and the end when the terminal is closed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t from 'tap';
import { request } from 'undici';
import { systemClock } from '../../src/kernel/clock.ts';
import { LAUNCHER } from '../support/launched.ts';
import { component } from '../support/needs.ts';
import { isRunning } from '../support/processes.ts';

const PATIENCE_MS = 30_000;

/** Gives the command a terminal of its own as its session's; ends with its exit code. */
const PTY = `
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))
`;

class Terminal implements AsyncDisposable {
  readonly child: ChildProcess;
  text = '';
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
    this.child = spawn('python3', ['-c', PTY, process.execPath, LAUNCHER, ...args], {
      cwd,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '', ...env },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
    });
    this.ended = once(this.child, 'close').then(([code]) => code);
  }

  /** Resolves with the match once it stands on the screen. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const giveUpAtMs = systemClock.nowMs() + PATIENCE_MS;
    for (;;) {
      const match = pattern.exec(this.text);
      if (match) return match;
      if (systemClock.nowMs() > giveUpAtMs || this.child.exitCode !== null)
        throw new Error(`never showed ${pattern}: ${this.text}`);
      await nextTurn();
    }
  }

  type(keys: string): void {
    this.child.stdin?.write(keys);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

async function slowServer(): Promise<{ server: Server; port: number; asked: Promise<() => void> }> {
  const { promise: asked, resolve } = Promise.withResolvers<() => void>();
  const server = createServer((_request, response) => resolve(() => response.end('late')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return { server, asked, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

const skip = process.platform === 'win32' ? 'no such terminals' : component('python3');
const CTRL_C = '\u0003';

t.test('a log for people, and a Ctrl-C that drains', { skip }, async (t) => {
  const { server, port, asked } = await slowServer();
  const folder = t.testdir({
    'sluice.yaml': `threads: 1
admin: { listen: "127.0.0.1:0" }
logs: { access: false }
certificates: { local: { self_signed: [localhost] } }
listeners: { web: { address: 127.0.0.1, port: 0 }, tls: { address: 127.0.0.1, port: 0, tls: { certificates: [local] } } }
routes: [{ pool: web }]
pools: { web: { servers: ["127.0.0.1:${port}"], health: false } }
`,
  });
  await using terminal = new Terminal([], folder);
  const [, http = ''] = await terminal.shows(/web :(\d+)/);
  t.match(terminal.text, /\[\d\d:\d\d:\d\d\.\d{3}\] \u001b\[32mINFO\u001b\[39m: /, 'coloured, with the time');
  t.notMatch(terminal.text, /^\{"level"/m, 'no JSON');
  t.match(
    terminal.text,
    /INFO.*To trust it:(?:\u001b\[39m)?\r\n\r\n {2}curl +curl --cacert /,
    'how to trust, line by line',
  );

  const answer = request(`http://127.0.0.1:${http}/`);
  const finish = await asked;
  // The terminal signals launcher and main; the launcher passes its own on.
  terminal.type(CTRL_C);
  await terminal.shows(/stopping/);
  finish();
  t.equal(await (await answer).body.text(), 'late');
  t.equal(await terminal.ended, 0);
  t.equal(terminal.text.match(/stopping/g)?.length, 1);
  server.close();
});

t.test('without colour for who wants none', { skip }, async (t) => {
  const folder = t.testdir({
    'sluice.yaml': `threads: 1
admin: { listen: "127.0.0.1:0" }
listeners: { web: { address: 127.0.0.1, port: 0 } }
routes: [{ respond: 204, match: { path: /x } }, { respond: 404, match: { path: /x } }]
`,
  });
  await using check = new Terminal(['check'], folder, { NO_COLOR: '1' });
  t.equal(await check.ended, 0);
  t.match(check.text, /can never match/);
  t.notMatch(check.text, '\u001b[');
  await using coloured = new Terminal(['check'], folder);
  t.equal(await coloured.ended, 0);
  t.match(coloured.text, '\u001b[33mwarning\u001b[0m');
});

t.test(
  'the demo on a terminal: what to try, a live line; gone when the terminal is closed',
  { skip },
  async (t) => {
    await using terminal = new Terminal(['demo', '--servers', '2', '--data', t.testdir({})], t.testdirName);
    const [, pid = ''] = await terminal.shows(/kill -HUP (\d+)/);
    const [, server = ''] = await terminal.shows(/kill -9 (\d+)/);
    await terminal.shows(/\r\u001b\[2K.*0:0\d.* req\/s.*0 failed/);
    const pids = [Number(pid), Number(server)];
    t.ok(pids.every(isRunning));
    terminal.child.kill('SIGKILL');
    const giveUpAtMs = systemClock.nowMs() + PATIENCE_MS;
    while (pids.some(isRunning) && systemClock.nowMs() < giveUpAtMs) await nextTurn();
    t.same(pids.filter(isRunning), []);
  },
);
