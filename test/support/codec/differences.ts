/**
 * Where this parser and Node's own read a stream differently, each with its reason. Two programs that read one stream
 * differently are what request smuggling is made of, so a difference that is not in these tables is a failure until it is
 * understood.
 */
import type { Step } from './node-reader.ts';

export interface Difference {
  readonly why: string;
  /** What Sluice says, else what Node says. */
  readonly here?: RegExp;
  readonly there?: RegExp;
  /** Only for a request of ours with a body in chunks. */
  readonly isChunked?: true;
  /** Only behind such a request, as Node has it. */
  readonly behind?: (before: Taken) => boolean;
  readonly example: string;
}

export const HOST = 'Host: h.example\r\n';

/** Node takes it, we refuse it: each time because a server behind us might read it in a third way. */
export const ONLY_NODE_TAKES: readonly Difference[] = [
  {
    why: 'RFC 9112 section 3.2.4: the asterisk form is for OPTIONS',
    here: /the target \* is for OPTIONS only/,
    example: `GET * HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'RFC 9110 section 9.3.8: TRACE would hand a script what only servers should see',
    here: /TRACE is not served/,
    example: `TRACE / HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'RFC 9112 section 3.2: more than one Host is a 400',
    here: /more than one Host/,
    example: `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  },
  {
    why: 'RFC 9112 section 3.2: an invalid Host is a 400',
    here: /Host is not a valid host/,
    example: 'GET / HTTP/1.1\r\nHost: h.example:x\r\n\r\n',
  },
  {
    why: 'the authority of the target and the Host name two sites: no guess',
    here: /Host differs from the authority/,
    example: `GET http://other.example/ HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'only http and https are spoken here',
    here: /a foreign scheme/,
    example: `GET ftp://h.example/ HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'an authority that no server has',
    here: /no valid authority/,
    example: `GET http://?x/ HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'RFC 9112 section 3.2: none of the four forms',
    here: /does not start with a slash/,
    example: `OPTIONS *x HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'HTTP/0.9, which has no fields, followed by fields',
    here: /does not end in HTTP\/1\.1 or HTTP\/1\.0/,
    example: `GET /HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'RFC 9112 section 3: exactly one space on either side of the target; a fragment is never sent',
    here: /in the target/,
    example: `GET /  HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'RFC 9112 section 6.1: Transfer-Encoding in HTTP/1.0 has faulty framing',
    here: /Transfer-Encoding in HTTP\/1\.0/,
    example: `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    why: 'a list of codings, were it of one item only, may be read otherwise by a server',
    here: /a transfer coding other than chunked/,
    example: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n`,
  },
  {
    why: 'RFC 9110 section 10.1.1: no other expectation is known; two lines are a list of two',
    here: /an expectation other than/,
    example: `GET / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n`,
  },
  {
    why: 'RFC 9112 section 2.2: one empty line before a request is forgiven, not several, and CRLF ends a line',
    here: /the method is not a token|bare LF/,
    example: `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'RFC 9112 section 2.3: Node takes 0.9 and 2.0 in a request line; what they would be framed like nobody knows',
    here: /is not spoken here/,
    example: `GET / HTTP/2.0\r\n${HOST}\r\n`,
  },
  {
    why: 'a size with more digits than any size has is the same number only for who reads all of them',
    here: /a chunk size with too many digits/,
    example: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${'0'.repeat(40)}\r\n\r\n`,
  },
  {
    why: 'our limit of chunk extensions is lower',
    here: /too many bytes of chunk extensions/,
    example: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0;${'x'.repeat(5000)}\r\n\r\n`,
  },
  {
    why: 'our limit of a target is lower',
    here: /^target_too_long: /,
    example: `GET /${'x'.repeat(8192)} HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'every byte of a head counts here; Node leaves out the ends of lines',
    here: /the head is larger than/,
    example: `GET / HTTP/1.1\r\n${HOST}${`a: ${'x'.repeat(178)}\r\n`.repeat(90)}\r\n`,
  },
  {
    why: 'our limit of fields is lower',
    here: /more than 100 fields/,
    example: `GET / HTTP/1.1\r\n${HOST}${'a: b\r\n'.repeat(100)}\r\n`,
  },
  {
    why: 'Node answers a missing Host itself, and that answer is lost behind one to HTTP/1.0 that closes',
    here: /^bad_request: no Host$/,
    example: `HEAD / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\nGET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
  },
];

/** We take it, Node refuses it: it is passed on as it is or not at all, and framed without any doubt. */
export const ONLY_WE_TAKE: readonly Difference[] = [
  {
    why: 'any token is a method (RFC 9110 section 9.1); Node has a list',
    there: /HPE_INVALID_METHOD/,
    example: `BREW / HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'bytes above 0x7f in a target: old clients send them, the server is to judge',
    there: /HPE_INVALID_URL/,
    example: `GET /caf\xe9 HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'the inside of a chunk extension, which we drop; it ends with the line in any case',
    there: /HPE_STRICT|HPE_INVALID_CHUNK_SIZE/,
    example: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1;x="\r\nA\r\n0\r\n\r\n`,
  },
  {
    why: 'RFC 9110 section 5.5: a tab after a value is white space, not part of the coding',
    there: /HPE_INVALID_TRANSFER_ENCODING/,
    example: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`,
  },
  {
    why: 'an empty Expect expects nothing',
    there: /^417$/,
    example: `GET / HTTP/1.1\r\n${HOST}Expect: \r\n\r\n`,
  },
  {
    why: 'RFC 9110 section 6.5.1: framing fields among trailers frame nothing, we drop them',
    there: /HPE_INVALID_CONTENT_LENGTH/,
    isChunked: true,
    example: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n`,
  },
  {
    why: 'RFC 9112 appendix C.2.2: Proxy-Connection is no field of HTTP; Node closes for it, we drop it',
    there: /HPE_CLOSED_CONNECTION/,
    behind: ({ fields }) => fields.some((line) => /^proxy-connection:/i.test(line)),
    example: `GET / HTTP/1.1\r\n${HOST}Proxy-Connection: close\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
  },
  {
    why: 'RFC 9110 section 6.5.1: Connection among trailers says nothing; Node closes for it, we drop it',
    there: /HPE_CLOSED_CONNECTION/,
    behind: ({ isChunked }) => isChunked,
    example: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
  },
];

/** Our connection ends after a request and Node goes on to the next. */
export const ONLY_WE_CLOSE: Difference = {
  why: 'RFC 9112 section 9.3: close wins over keep-alive; in HTTP/1.0 Node looks at keep-alive first',
  example: `GET / HTTP/1.0\r\n${HOST}Connection: close\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n${HOST}\r\n`,
};

/** '' when both read the same; the reason of a known difference; `UNKNOWN …` for one that nobody has looked at. */
export function compare(here: readonly Step[], there: readonly Step[]): string {
  let why = '';
  for (let i = 0; i < Math.min(here.length, there.length); i++) {
    const [a, b] = [here[i] as Step, there[i] as Step];
    if (a.kind === 'request' && b.kind === 'request') {
      const difference = compareRequests(a, b);
      if (difference.startsWith('UNKNOWN')) return difference;
      why ||= difference;
    } else if (a.kind === 'request') {
      const before = there[i - 1];
      const known = ONLY_WE_TAKE.find(
        (it) =>
          b.kind === 'refused' &&
          it.there?.test(b.why) &&
          (it.isChunked === undefined || a.isChunked) &&
          (it.behind === undefined || (before?.kind === 'request' && it.behind(before))),
      );
      return known?.why ?? `UNKNOWN: only taken here, there ${JSON.stringify(b)}`;
    } else if (b.kind === 'request') {
      if (a.kind === 'none' && i > 0) return ONLY_WE_CLOSE.why;
      const known = ONLY_NODE_TAKES.find((it) => a.kind === 'refused' && it.here?.test(a.why));
      return known?.why ?? `UNKNOWN: only taken by Node, here ${JSON.stringify(a)}`;
    } else break;
  }
  return why;
}

export const ABSOLUTE_WHY = 'RFC 9112 section 3.2.1: servers get the origin form of an absolute target';

type Taken = Extract<Step, { kind: 'request' }>;

function compareRequests(here: Taken, there: Taken): string {
  const missing = here.fields.find((line) => !there.fields.includes(line));
  if (missing !== undefined) return `UNKNOWN: field ${missing} here only`;
  if (here.method !== there.method || here.body !== there.body)
    return `UNKNOWN: ${JSON.stringify([here, there])}`;
  if (here.target === there.target) return '';
  const url = /^https?:\/\/[^/?]+(.*)$/i.exec(there.target)?.[1];
  const isOriginForm = url !== undefined && here.target === (url.startsWith('/') ? url : `/${url}`);
  return isOriginForm ? ABSOLUTE_WHY : `UNKNOWN: target ${here.target} here, ${there.target} in Node`;
}
