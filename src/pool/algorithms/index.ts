import type { AlgorithmName, HashOptions } from '../options.ts';
import type { Algorithm, AlgorithmDeps } from './algorithm.ts';
import { ConsistentHash } from './consistent-hash.ts';
import { First } from './first.ts';
import { IpHash } from './ip-hash.ts';
import { LeastConnections } from './least-connections.ts';
import { LeastTime } from './least-time.ts';
import { isLighter } from './load.ts';
import { isSooner } from './peak-ewma.ts';
import { RandomDraw } from './random-draw.ts';
import { RoundRobin } from './round-robin.ts';
import { TwoChoices } from './two-choices.ts';

const BY_ADDRESS: HashOptions = { key: { kind: 'client_ip' }, table: 'ring', maxLoad: 0 };

/** Those that want to know how long servers take: `SlotTable.observe` is only called for them. */
export function needsTimes(name: AlgorithmName): boolean {
  return name === 'peak_ewma' || name === 'least_time';
}

/** Those that send a key to the same server each time. */
export function isKeyed(name: AlgorithmName): boolean {
  return name === 'ip_hash' || name === 'consistent_hash';
}

export function makeAlgorithm(name: AlgorithmName, hash: HashOptions | null, deps: AlgorithmDeps): Algorithm {
  switch (name) {
    case 'round_robin':
    case 'weighted':
      return new RoundRobin(deps);
    case 'least_connections':
      return new LeastConnections(deps);
    case 'power_of_two':
      return new TwoChoices(deps, isLighter);
    case 'peak_ewma':
      return new TwoChoices(deps, isSooner);
    case 'least_time':
      return new LeastTime(deps);
    case 'consistent_hash':
      return new ConsistentHash(deps, hash ?? BY_ADDRESS);
    case 'first':
      return new First();
    case 'random':
      return new RandomDraw(deps);
    case 'ip_hash':
      return new IpHash();
    default:
      return name satisfies never;
  }
}
