import type { Socket } from 'node:net';
import { unmapAddress } from '../kernel/address.ts';
import type { ClientInfo } from '../kernel/client-info.ts';
import type { ProxiedAddresses } from './proxy-protocol.ts';

/** Where a connection comes from: the peer itself, or whom a trusted peer brought. */
export interface Origin {
  readonly address: string;
  readonly port: number;
  /** null = the socket's own end. */
  readonly target: { readonly address: string; readonly port: number } | null;
  /** Whether what this client says of other clients is believed. */
  readonly isTrusted: boolean;
}

export function proxiedOrigin(addresses: ProxiedAddresses, isTrusted: (ip: string) => boolean): Origin {
  const { sourceAddress, sourcePort, targetAddress, targetPort } = addresses;
  return {
    address: sourceAddress,
    port: sourcePort,
    target: { address: targetAddress, port: targetPort },
    isTrusted: isTrusted(sourceAddress),
  };
}

/** The client of one connection, as the phases see it. */
export class Client implements ClientInfo {
  readonly listener: string;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly localPort: number;
  readonly tlsVersion: string;
  readonly isTrusted: boolean;
  memo: unknown = null;
  readonly #socket: Socket;
  readonly #target: Origin['target'];

  constructor(listener: string, socket: Socket, origin: Origin, listenPort: number, tlsVersion: string) {
    this.listener = listener;
    this.peerAddress = origin.address;
    this.peerPort = origin.port;
    this.localPort = origin.target?.port ?? listenPort;
    this.tlsVersion = tlsVersion;
    this.isTrusted = origin.isTrusted;
    this.#socket = socket;
    this.#target = origin.target;
  }

  /** Asked for rarely, and a system call. */
  get localAddress(): string {
    return this.#target?.address ?? unmapAddress(this.#socket.localAddress ?? '');
  }
}
