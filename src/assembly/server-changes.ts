/** Counts of what became of servers, for /metrics: on the main thread, which decides it. */
import type { EjectionReason, ServerState } from '../control/index.ts';
import type { Events } from '../observe/index.ts';
import type { Metrics } from '../observe/main/index.ts';

type Counts<Label extends string> = Map<string, { pool: string; server: string; by: Map<Label, number> }>;

export class ServerChanges {
  readonly #states: Counts<ServerState> = new Map();
  readonly #ejections: Counts<EjectionReason> = new Map();

  constructor(events: Events, metrics: Pick<Metrics, 'add'>) {
    events.on('server_state', ({ pool, server, to }) => count(this.#states, pool, server, to as ServerState));
    // Who left is forgotten, as its other counts are.
    events.on('server_change', ({ pool, server, change }) => {
      if (change !== 'removed') return;
      this.#states.delete(keyOf(pool, server));
      this.#ejections.delete(keyOf(pool, server));
    });
    metrics.add({
      name: 'sluice_server_state_changes_total',
      help: 'How often a server came into a state.',
      type: 'counter',
      read: () => samples(this.#states, 'state'),
    });
    metrics.add({
      name: 'sluice_server_ejected_total',
      help: 'Ejections of a server for what requests showed, by reason.',
      type: 'counter',
      read: () => samples(this.#ejections, 'reason'),
    });
  }

  ejected(pool: string, server: string, reason: EjectionReason): void {
    count(this.#ejections, pool, server, reason);
  }
}

const keyOf = (pool: string, server: string): string => `${pool}\n${server}`;

function count<Label extends string>(
  counts: Counts<Label>,
  pool: string,
  server: string,
  label: Label,
): void {
  const key = keyOf(pool, server);
  const of = counts.get(key) ?? { pool, server, by: new Map<Label, number>() };
  of.by.set(label, (of.by.get(label) ?? 0) + 1);
  counts.set(key, of);
}

function* samples<Label extends string>(counts: Counts<Label>, name: string) {
  for (const { pool, server, by } of counts.values())
    for (const [label, value] of by) yield { labels: { pool, server, [name]: label }, value };
}
