/** Servers that say themselves how they are: weights, caps, drain, down; a silent agent changes nothing. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { EventMap } from '../../src/observe/index.ts';
import { get, ok } from '../support/peer.ts';
import { Proxied } from '../support/proxied.ts';

/** Says its line to everybody who connects. */
class Agent implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** null = it accepts and is silent. */
  line: string | null = 'up';
  #asked: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        for (const each of this.#asked.splice(0)) each();
      });
      if (this.line !== null) socket.end(this.line);
    });
  }

  static async open(): Promise<Agent> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Agent(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when it has been asked, and hung up on, so often. */
  async asked(times: number): Promise<void> {
    for (let i = 0; i < times; i++) await new Promise<void>((resolve) => this.#asked.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const agentOf = (agent: Agent) => ({ port: agent.port, interval: '100ms', timeout: '200ms' });

t.test('what it says is so, until it says otherwise; silence and nonsense change nothing', async (t) => {
  await using agent = await Agent.open();
  agent.line = '50% maxconn:3\n';
  await using proxied = await Proxied.start({ pool: { agent: agentOf(agent) } });
  const { daemon } = proxied.daemon;
  const { slots, registry } = daemon;
  const { address } = proxied.server;
  const live = () => registry.server('web', address);
  const { slot } = live().slot;
  registry.patch('web', address, { weight: 10 }, 'test');
  proxied.server.answerAll(() => ok());
  await proxied.daemon.until('its first words', () => slots.weight(slot) === 5);
  t.equal(slots.maxConnections(slot), 3);
  t.match(live(), {
    state: 'healthy',
    definition: { weight: 10 },
    agent: { percent: 50, why: 'agent: 50% maxconn:3' },
  });
  const told: EventMap['server_state'][] = [];
  daemon.events.on('server_state', (event) => told.push(event));
  const turn = (to: string) => daemon.events.once('server_state', (it) => it.to === to);
  const client = await proxied.client();

  let state = turn('draining');
  agent.line = 'drain\r\n';
  await state;
  t.equal((await client.ask(get('/'))).status, 503, 'nobody new is taken');
  state = turn('unhealthy');
  agent.line = 'ready down # too hot\n';
  await state;
  t.match(live().healthWhy, 'agent: ready down # too hot');
  t.equal((await client.ask(get('/'))).status, 503);

  agent.line = 'nonsense\n';
  await agent.asked(2);
  agent.line = null;
  await agent.asked(2);
  agent.line = 'up'; // without an end: half of "upside down"
  await agent.asked(2);
  t.equal(live().state, 'unhealthy');

  state = turn('healthy');
  agent.line = 'up 100%\n';
  await state;
  t.equal((await client.ask(get('/'))).status, 200);
  t.equal(slots.weight(slot), 10);
  t.same(
    told.map((it) => `${it.from} > ${it.to}: ${it.why}`),
    [
      'healthy > draining: agent: drain',
      'draining > unhealthy: agent: ready down # too hot',
      'unhealthy > healthy: agent: up 100%',
    ],
  );
  const lines = (): { level: string; message: string; said?: string }[] =>
    readFileSync(join(proxied.daemon.folder, 'log'), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
      .filter((it) => it.message === 'the agent of a server says');
  await proxied.daemon.until('it is in the log', () => lines().length >= 4);
  t.same(
    lines().map(({ level, said }) => `${level} ${said}`),
    [
      'debug agent: 50% maxconn:3',
      'info agent: drain',
      'info agent: ready down # too hot',
      'info agent: up 100%',
    ],
  );
  const metrics = await daemon.metrics.render();
  for (const outcome of ['ok', 'nonsense', 'silent'])
    t.match(metrics, new RegExp(`sluice_agent_answers_total\\{pool="web",outcome="${outcome}"\\} [1-9]`));
});

t.test('what an agent said outlives a reload, and goes with the key', async (t) => {
  await using agent = await Agent.open();
  agent.line = 'drain 30%\n';
  await using proxied = await Proxied.start({ pool: { agent: agentOf(agent) } });
  const { daemon } = proxied.daemon;
  const { address } = proxied.server;
  const state = (): string => daemon.registry.server('web', address).state;
  await proxied.daemon.until('it drains', () => state() === 'draining');
  const options = { ...agentOf(agent), interval: '1s' };
  await agent[Symbol.asyncDispose]();
  const file = (pool: object) => ({
    listeners: { http: { address: '127.0.0.1', port: 0 } },
    routes: [{ name: 'all', pool: 'web' }],
    pools: { web: { servers: [{ address, weight: 10 }], health: false as const, ...pool } },
  });
  await proxied.daemon.reload(file({ agent: options }));
  t.equal(state(), 'draining', 'the agent is gone, its word stands');
  const { slot } = daemon.registry.server('web', address).slot;
  t.equal(daemon.slots.weight(slot), 3, 'of the new weight');
  await proxied.daemon.reload(file({}));
  t.equal(state(), 'healthy');
  t.equal(daemon.slots.weight(slot), 10);
});
