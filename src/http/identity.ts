/**
 * Who the client is, told to the server: X-Forwarded-*, X-Real-IP, Forwarded (RFC 7239). From strangers nothing of
 * it is believed; from a trusted proxy the chain is walked from the right, over trusted hops, to the first
 * address that is not ours (the client), and extended by the peer.
 *
 * The text depends only on the connection and the field block, so it is made once per block.
 */
import { isIP } from 'node:net';
import { UNIX_PEER, unmapAddress, withoutZone } from '../kernel/address.ts';
import { flat } from '../kernel/flat.ts';
import type { ForwardedFields } from './request-fields.ts';
import { isAuthority } from './syntax.ts';

export interface Identity {
  /** The client as far as it can be believed; rate limits, access lists and the log use it. */
  readonly clientIp: string;
  /** Field lines to send to the server, each with its CRLF. */
  readonly text: string;
  /** The incoming X-Request-Id of a trusted proxy, '' when there is none that can be taken over. */
  readonly requestId: string;
}

export interface IdentityInput {
  readonly peerAddress: string;
  readonly localPort: number;
  readonly isTls: boolean;
  /** The authority that the client addressed. */
  readonly authority: string;
  /** null from strangers. */
  readonly incoming: ForwardedFields | null;
  readonly isTrusted: (ip: string) => boolean;
}

const REQUEST_ID = /^[A-Za-z0-9._~+/=:@-]{1,128}$/;
const MAX_CHAIN = 64;

export function buildIdentity(input: IdentityInput): Identity {
  const { peerAddress, incoming, authority } = input;
  const ownProto = input.isTls ? 'https' : 'http';
  const ownPort = input.localPort === 0 ? '' : String(input.localPort);
  // What only this machine knows is not told: the interface of a link-local address, the socket of a local peer.
  const peer = peerAddress === UNIX_PEER ? '' : withoutZone(peerAddress);
  if (incoming === null) {
    const text =
      `${line('X-Forwarded-For', peer)}X-Forwarded-Proto: ${ownProto}\r\n${line('X-Forwarded-Host', authority)}` +
      `${line('X-Forwarded-Port', ownPort)}${line('X-Real-IP', peer)}Forwarded: ${forwardedElement(peer, authority, ownProto)}\r\n`;
    // Sent with all that this client asks.
    return { clientIp: peerAddress, text: flat(text), requestId: '' };
  }
  const chain = forwardedFor(incoming);
  const clientIp = clientOf(chain, peerAddress, input.isTrusted);
  const proto = /^https?$/i.test(incoming.proto) ? incoming.proto.toLowerCase() : ownProto;
  const host = incoming.host !== '' && isAuthority(incoming.host) ? incoming.host : authority;
  const port = isPort(incoming.port) ? incoming.port : ownPort;
  const list = (peer === '' ? chain : [...chain, peer]).join(', ');
  const element = forwardedElement(peer, authority, ownProto);
  const forwarded =
    incoming.forwarded === ''
      ? chain
          .map((ip) => `for=${forwardedNode(ip)}`)
          .concat(element)
          .join(', ')
      : `${incoming.forwarded}, ${element}`;
  const prefix = /^\/[\x21-\x7e]*$/.test(incoming.prefix) ? `X-Forwarded-Prefix: ${incoming.prefix}\r\n` : '';
  const realIp = clientIp === UNIX_PEER ? '' : withoutZone(clientIp);
  const text =
    `${line('X-Forwarded-For', list)}X-Forwarded-Proto: ${proto}\r\n${line('X-Forwarded-Host', host)}` +
    `${line('X-Forwarded-Port', port)}${prefix}${line('X-Real-IP', realIp)}Forwarded: ${forwarded}\r\n`;
  return { clientIp, text, requestId: REQUEST_ID.test(incoming.requestId) ? incoming.requestId : '' };
}

/** A field line, nothing when there is nothing to say. */
function line(name: string, value: string): string {
  return value === '' ? '' : `${name}: ${value}\r\n`;
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

/** The addresses of X-Forwarded-For, or of Forwarded when there is no other; what is no address ends the list. */
function forwardedFor(incoming: ForwardedFields): string[] {
  const source = incoming.for !== '' ? incoming.for.split(',') : forwardedNodes(incoming.forwarded);
  const chain: string[] = [];
  // From the right, since only that end was written by proxies that we trust.
  for (const item of source.slice(-MAX_CHAIN).reverse()) {
    const ip = addressOf(item.trim());
    if (ip === '') break;
    chain.unshift(ip);
  }
  return chain;
}

function forwardedNodes(text: string): string[] {
  const nodes: string[] = [];
  for (const match of text.matchAll(/(?:^|[;,])\s*for=(?:"([^"\\]*)"|([^;,\s]*))/gi))
    nodes.push(match[1] ?? match[2] ?? '');
  return nodes;
}

/** `1.2.3.4`, `1.2.3.4:80`, `[::1]:80`, `::1` as a plain address; '' for `unknown`, `_hidden` and junk. */
function addressOf(node: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(node);
  if (bracketed) return isIP(bracketed[1] as string) === 6 ? withoutZone(bracketed[1] as string) : '';
  const withPort = /^([^:]*):\d{1,5}$/.exec(node);
  const ip = withPort ? (withPort[1] as string) : node;
  return isIP(ip) === 0 ? '' : unmapAddress(withoutZone(ip));
}

function clientOf(chain: readonly string[], peer: string, isTrusted: (ip: string) => boolean): string {
  let client = peer;
  for (let i = chain.length - 1; i >= 0 && isTrusted(client); i--) client = chain[i] as string;
  return client;
}

/** RFC 7239 section 6: IPv6 in brackets and quotes, `unknown` for who has no address. */
function forwardedNode(ip: string): string {
  if (ip === '') return 'unknown';
  return ip.includes(':') ? `"[${ip}]"` : ip;
}

function forwardedElement(ip: string, host: string, proto: string): string {
  const hostPart = host === '' ? '' : `;host=${/^[A-Za-z0-9._~-]+$/.test(host) ? host : `"${host}"`}`;
  return `for=${forwardedNode(ip)}${hostPart};proto=${proto}`;
}
