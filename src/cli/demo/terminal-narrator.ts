/**
 * The demo for people: what runs and what to try, then a line for each thing that happens, and on a terminal a last line
 * that is drawn anew each second.
 */
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Output } from '../context.ts';
import { type Painter, painter } from '../paint.ts';
import { type FleetEvent, RESTART_MS } from './fleet.ts';
import type { DemoFacts, DemoSummary, LiveState, Narrator, ReloadNews } from './narrator.ts';
import { thingsToTry } from './things-to-try.ts';

/** Without a terminal, how often the state is printed. */
const QUIET_TICKS = 10;
const CLEAR_LINE = '\r\u001b[2K';

export class TerminalNarrator implements Narrator {
  readonly #stdout: Output;
  readonly #paint: Painter;
  readonly #cwd: string;
  readonly #isLive: boolean;
  #live = '';
  #ticks = 0;
  #isReady = false;

  /** @param isLive whether the last line may be drawn anew */
  constructor(stdout: Output, cwd: string, isLive: boolean) {
    this.#stdout = stdout;
    this.#paint = painter(stdout);
    this.#cwd = cwd;
    this.#isLive = isLive && stdout.isTerminal;
  }

  starting(configFile: string): void {
    this.#say(this.#paint.dim(`Starting the bookstores of ${this.#near(configFile)} and the balancer …`));
  }

  ready(facts: DemoFacts): void {
    const paint = this.#paint;
    const count = facts.servers.length;
    const rows: [string, string][] = [
      [
        'Shop',
        `${paint.bold(`${facts.proxy}/books`)}${facts.http === '' ? '' : paint.dim(`   (${facts.http} redirects there)`)}`,
      ],
      ['API', `${facts.admin}   ${paint.dim(`token in ${this.#near(facts.tokenFile)}`)}`],
      ...facts.servers.map((server, index): [string, string] => [
        index === 0 ? 'Servers' : '',
        `${server.address}   ${paint.dim(server.pid === 0 ? 'not started by the demo' : `pid ${server.pid}`)}`,
      ]),
      ['Files', `${this.#near(facts.folder)}   ${paint.dim('access.log, sluice.log, certs, bookstore.db')}`],
    ];
    const moved = facts.moved.map(
      ({ what, from, to }) => `  ${paint.yellow('!')} port ${from} is taken: ${what} is on ${to}\n`,
    );
    const title = `Sluice balances ${count === 1 ? 'one bookstore' : `${count} bookstores`} on this machine.`;
    const table = rows.map(([label, text]) => `  ${paint.dim(label.padEnd(8))} ${text}`).join('\n');
    this.#say(
      `\n${paint.bold(title)}\n\n${table}\n\n${moved.join('')}${moved.length > 0 ? '\n' : ''}` +
        `${paint.bold('In another terminal:')}\n\n${thingsToTry(facts, paint)}\n${paint.dim('Ctrl-C ends everything.')}\n`,
    );
    this.#isReady = true;
  }

  fleet(event: FleetEvent): void {
    if (this.#isReady) this.#say(fleetText(event, this.#paint));
  }

  serverState(event: { readonly server: string; readonly to: string; readonly why: string }): void {
    if (!this.#isReady) return;
    const { server, to, why } = event;
    const mark = stateColour(this.#paint, to)('○');
    this.#say(`${mark} balancer: ${server} is ${to}${why === '' ? '' : this.#paint.dim(` (${why})`)}`);
  }

  reloaded(news: ReloadNews): void {
    const { green, red } = this.#paint;
    if (!news.ok) this.#say(`${red('✗')} the file was refused, nothing changed:\n${indent(news.why)}`);
    else if (news.diff.same) this.#say(`${green('✓')} the file was read again: nothing has changed`);
    else this.#say(`${green('✓')} the file is in force: ${changeText(news)}`);
  }

  tick(state: LiveState): void {
    this.#ticks++;
    if (this.#isLive) {
      this.#live = this.#fit(this.#liveText(state));
      this.#stdout.write(`${CLEAR_LINE}${this.#live}`);
    } else if (this.#ticks % QUIET_TICKS === 0) this.#say(this.#liveText(state));
  }

  stopping(signal: string): void {
    const how = signal === 'SIGINT' ? 'Ctrl-C again ends at once' : 'a second signal ends at once';
    this.#endLive();
    this.#say(`${this.#paint.dim('●')} finishing what is in flight; ${how}`);
  }

  summary(summary: DemoSummary): void {
    this.#endLive();
    this.#say(summaryText(summary, this.#paint));
  }

  // ---- how it is put on the screen

  #liveText({ perSecond, servers, traffic, elapsedMs }: LiveState): string {
    const { dim, green, red, bold } = this.#paint;
    const shares = servers.map(({ id, state, perSecond: own }) => {
      const share = perSecond === 0 ? 0 : Math.round((own / perSecond) * 100);
      // The row is short, and the machine is always this one.
      const name = id.replace(/^(?:127\.0\.0\.1|localhost)(?=:\d+$)/, '');
      return `${stateColour(this.#paint, state)('●')} ${name} ${bold(`${share}%`.padStart(4))}`;
    });
    const faults =
      traffic === undefined
        ? []
        : [
            traffic.failed === 0 ? green('0 failed') : red(`${traffic.failed} failed`),
            `p99 ${traffic.p99Ms} ms`,
          ];
    return [dim(clock(elapsedMs)), `${perSecond} req/s`, ...shares, ...faults].join(dim(' │ '));
  }

  /** Cut to one row: a second one would stay behind when the line is drawn anew. */
  #fit(text: string): string {
    const columns = this.#stdout.columns - 1;
    return stripVTControlCharacters(text).length <= columns
      ? text
      : stripVTControlCharacters(text).slice(0, columns);
  }

  #say(text: string): void {
    if (this.#live === '') this.#stdout.write(`${text}\n`);
    else this.#stdout.write(`${CLEAR_LINE}${text}\n${this.#live}`);
  }

  #endLive(): void {
    if (this.#live !== '') this.#stdout.write(CLEAR_LINE);
    this.#live = '';
  }

  #near(path: string): string {
    const near = relative(this.#cwd, path);
    return near === '' || near.startsWith('..') ? path : near;
  }
}

function fleetText(event: FleetEvent, paint: Painter): string {
  const { address, pid } = event.member;
  switch (event.type) {
    case 'started':
      return `${paint.green('●')} bookstore ${address} runs${event.isAgain ? ' again' : ''}, pid ${pid}`;
    case 'died': {
      const restart = `it is started again in ${RESTART_MS / 1000} s`;
      return `${paint.red('●')} bookstore ${address} is gone (${event.how}); ${restart}`;
    }
    case 'stopped':
      return `${paint.dim('●')} bookstore ${address} has finished and stopped`;
    case 'failed':
      return `${paint.red('●')} bookstore ${address} could not be started again: ${event.why}`;
    default:
      return event satisfies never;
  }
}

function stateColour(paint: Painter, state: string): (text: string) => string {
  if (state === 'healthy') return paint.green;
  return state === 'unhealthy' ? paint.red : paint.yellow;
}

function summaryText({ traffic, durationMs, wasCut }: DemoSummary, paint: Painter): string {
  const cut = wasCut ? ' Some connections had to be cut.' : '';
  if (traffic === undefined) return `Stopped after ${clock(durationMs)}.${cut}`;
  const { requests, failed, byServer, p50Ms, p99Ms, repeated, lastFailure } = traffic;
  const faults = failed === 0 ? paint.green('0 failed') : paint.red(`${failed} failed (${lastFailure})`);
  const again = repeated === 0 ? '' : `, ${repeated} repeated`;
  const times = `p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
  const shares = Object.entries(byServer).map(([server, count]) => `${server} ${count}`);
  const answers = shares.length === 0 ? '' : `\n${paint.dim(`Answers by server: ${shares.join(', ')}`)}`;
  return `Stopped after ${clock(durationMs)}: ${requests} requests, ${faults}${again}, ${times}.${cut}${answers}`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

/** `0:07`, `12:30`. */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function changeText({ diff }: Extract<ReloadNews, { ok: true }>): string {
  const parts: string[] = [];
  for (const [pool, { added, changed, removed }] of diff.servers) {
    if (added.length > 0) parts.push(`${added.join(', ')} joined ${pool}`);
    if (removed.length > 0) parts.push(`${removed.join(', ')} left ${pool}`);
    for (const { name, what } of changed) parts.push(`${name}: ${what.join(', ')} changed`);
  }
  for (const [noun, { added, changed, removed }] of [
    ['listener', diff.listeners],
    ['route', diff.routes],
    ['pool', diff.pools],
    ['certificate', diff.certificates],
  ] as const) {
    const names = [...added, ...changed.map((it) => it.name), ...removed];
    if (names.length > 0) parts.push(`${noun} ${names.join(', ')}`);
  }
  parts.push(...diff.settings);
  return parts.length === 0 ? 'the order of the routes' : parts.join('; ');
}
