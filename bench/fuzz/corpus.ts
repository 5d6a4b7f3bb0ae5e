/** Sound and unsound messages to start from: every wire case, and a few that have much in them. */
import { readFileSync } from 'node:fs';
import { expand, type WireCase } from '../../test/support/wire-case.ts';

/** Larger cases are about limits; changes of them find nothing new and cost much. */
const MAX_CHARS = 20_000;

const HOST = 'Host: h.example\r\n';

const REQUESTS = [
  `GET / HTTP/1.1\r\n${HOST}\r\n`,
  `GET /books?limit=3 HTTP/1.1\r\n${HOST}Accept: */*\r\nCookie: a=b; c=d\r\nUser-Agent: x\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world`,
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: 1\r\n\r\n`,
  `PUT /a HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
  `GET /ws HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  `HEAD /a HTTP/1.0\r\n${HOST}Connection: keep-alive\r\n\r\n`,
  `GET http://h.example/a?b HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS * HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
];

const ANSWERS = [
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: 1\r\n\r\n',
  'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nabc',
  'HTTP/1.1 204 No Content\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 40\r\n\r\n',
  'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\nKeep-Alive: timeout=5\r\n\r\n',
  'HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 4\r\n\r\noops',
];

export interface Corpus {
  readonly requests: readonly string[];
  readonly answers: readonly string[];
}

export function readCorpus(): Corpus {
  const path = new URL('../../test/conformance/wire-cases.json', import.meta.url);
  const cases = JSON.parse(readFileSync(path, 'utf8')) as WireCase[];
  const fits = (text: string): boolean => text !== '' && text.length <= MAX_CHARS;
  const sent = cases.map((it) => expand([it.send, ...(it.then ?? []).map(({ send }) => send)].join('')));
  const replies = cases.flatMap((it) => (it.upstream_reply === undefined ? [] : [expand(it.upstream_reply)]));
  return {
    requests: [...REQUESTS, ...sent.filter(fits)],
    answers: [...ANSWERS, ...replies.filter(fits)],
  };
}
