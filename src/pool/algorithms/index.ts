import type { AlgorithmName } from '../options.ts';
import type { Algorithm, AlgorithmDeps } from './algorithm.ts';
import { IpHash } from './ip-hash.ts';
import { LeastConnections } from './least-connections.ts';
import { PowerOfTwo } from './power-of-two.ts';
import { RandomDraw } from './random-draw.ts';
import { RoundRobin } from './round-robin.ts';

export function makeAlgorithm(name: AlgorithmName, deps: AlgorithmDeps): Algorithm {
  switch (name) {
    case 'round_robin':
    case 'weighted':
      return new RoundRobin(deps);
    case 'least_connections':
      return new LeastConnections(deps);
    case 'power_of_two':
      return new PowerOfTwo(deps);
    case 'random':
      return new RandomDraw(deps);
    case 'ip_hash':
      return new IpHash();
    default:
      return name satisfies never;
  }
}
