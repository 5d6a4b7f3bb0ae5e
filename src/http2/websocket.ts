/**
 * WebSocket over HTTP/2 (RFC 8441) to a server that speaks HTTP/1.1: there the handshake has a key and its proof
 * (RFC 6455 section 4), which an HTTP/2 client has not. We are the one that upgrades, so the key is ours and the proof is
 * for us to check.
 */
import { createHash } from 'node:crypto';
import type { AnswerHead } from '../http/index.ts';
import { secretBytes } from '../kernel/random.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export function makeWebSocketKey(): string {
  return secretBytes(16).toString('base64');
}

function proofOf(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64');
}

const ACCEPT = /^sec-websocket-accept:[ \t]*([^\r\n]*?)[ \t]*\r\n/gim;

/** What is wrong with the fields of a 101 that answers `key`; '' = nothing. */
export function checkWebSocketAccept(fields: string, key: string): string {
  const proofs = [...fields.matchAll(ACCEPT)].map((match) => match[1]);
  return proofs.length === 1 && proofs[0] === proofOf(key)
    ? ''
    : 'the Sec-WebSocket-Accept of the server does not belong to the key that it got';
}

/** The fields of a 101 as those of the 200 that stands for it (RFC 8441 section 5). */
export function withoutHandshake(fields: string): string {
  return fields.replace(/^(?:connection|upgrade|sec-websocket-accept):[^\r\n]*\r\n/gim, '');
}

/** The head of that 200, from the fields of the 101. */
export function acceptedHead(fields: string): AnswerHead {
  const head = { framing: 'close', contentLength: -1, hasDate: /^date:/im.test(fields) } as const;
  return { ...head, status: 200, phrase: 'OK', fields: withoutHandshake(fields), memo: '' };
}
