import type { WireCase } from './wire-case.ts';
import type { Wire } from './wires.ts';

interface Difference {
  /** Why this wire cannot do what the case expects. */
  readonly why: string;
  /** What it does instead; as binding as the case itself. */
  readonly expect: WireCase['expect'];
}

/** The cases that a wire takes another way than ours by its own nature. */
const DIFFERENCES: Readonly<Record<Wire['name'], Readonly<Record<string, Difference>>>> = {
  raw: {},
  node: {
    'request-line/rtsp-protocol': {
      why: 'Node’s parser takes RTSP/1.1 for HTTP/1.1 and tells nobody; the server gets a request of HTTP/1.1',
      expect: {
        status: 200,
        closes: false,
        upstreamSees: ['OPTIONS / HTTP/1.1'],
        upstreamMustNotSee: ['RTSP'],
      },
    },
  },
};

/** The ids of the cases that this wire takes another way. */
export function differingCases(wire: Wire): readonly string[] {
  return Object.keys(DIFFERENCES[wire.name]);
}

/** The case as this wire has to take it. */
export function caseFor(wire: Wire, wireCase: WireCase): WireCase {
  const difference = DIFFERENCES[wire.name][wireCase.id];
  return difference === undefined ? wireCase : { ...wireCase, ...difference };
}
