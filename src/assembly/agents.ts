/** Agents of servers: where their words go, and what people are told of those that have none. */
import { type AgentOutcome, AgentWatch, type Registry } from '../control/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { fastRandom } from '../kernel/random.ts';
import type { Log } from '../observe/index.ts';
import type { Metrics } from '../observe/main/index.ts';

export interface AgentSource {
  readonly registry: Registry;
  readonly metrics: Pick<Metrics, 'add'>;
}

/** @param onDown a server has just turned unhealthy by its agent's word */
export function openAgents(
  { registry, metrics }: AgentSource,
  clock: Clock,
  log: Pick<Log, 'debug' | 'info' | 'warn'>,
  onDown: (pool: string, server: string, why: string) => void,
): AgentWatch {
  const counts: Record<AgentOutcome, Map<string, number>> = {
    ok: new Map(),
    nonsense: new Map(),
    silent: new Map(),
  };
  metrics.add({
    name: 'sluice_agent_answers_total',
    help: 'Answers of the agents of servers, by outcome.',
    type: 'counter',
    read: () =>
      Object.entries(counts).flatMap(([outcome, byPool]) =>
        [...byPool].map(([pool, value]) => ({ labels: { pool, outcome }, value })),
      ),
  });
  return new AgentWatch({
    clock,
    random: fastRandom(),
    onState: (pool, server, state, isTurn) => {
      const fields = { pool, server, said: state?.why ?? 'nothing any more' };
      // Weights follow the load: each of them would be a line every other second.
      if (isTurn) log.info('the agent of a server says', fields);
      else log.debug('the agent of a server says', fields);
      if (registry.reportAgent(pool, server, state)) onDown(pool, server, state?.why ?? '');
    },
    report: ({ pool, server, outcome, isNews, why }) => {
      counts[outcome].set(pool, (counts[outcome].get(pool) ?? 0) + 1);
      if (isNews && outcome !== 'ok')
        log.warn('the agent of a server makes no sense; what it said before stands', {
          pool,
          server,
          outcome,
          why,
        });
    },
  });
}
