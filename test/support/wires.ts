/**
 * The wires that a listener may speak with its clients. What each of them must do alike is tested over all of them: a test
 * takes the wire as an argument and starts its daemon by it. A wire of another make joins the list; tests about the
 * bytes of HTTP/1 run over `HTTP1_WIRES` only.
 */
import type { Test } from 'tap';
import { type Changes, type ListenerInput, Proxied } from './proxied.ts';

export interface Wire {
  readonly name: 'raw' | 'node';
  /** What makes a listener speak it. */
  readonly listener: ListenerInput;
  /** As `Proxied.start`, over this wire. */
  start(changes?: Changes, serverCount?: number): Promise<Proxied>;
}

function wireOf(name: Wire['name'], listener: ListenerInput): Wire {
  return {
    name,
    listener,
    start: (changes = {}, serverCount = 1) =>
      Proxied.start({ ...changes, listener: { ...listener, ...changes.listener } }, serverCount),
  };
}

export const RAW = wireOf('raw', {});
export const NODE = wireOf('node', { engine: 'node' });

export const HTTP1_WIRES: readonly Wire[] = [RAW, NODE];

/** A `t.test` that runs its body over each of the wires. */
export function overWires(
  t: Pick<Test, 'test'>,
  wires = HTTP1_WIRES,
): (name: string, body: (t: Test, wire: Wire) => Promise<void>) => void {
  return (name, body) => {
    for (const wire of wires) void t.test(`${name}, ${wire.name}`, (t) => body(t, wire));
  };
}

/** A plain and a TLS listener for each of the wires; the certificate is `local`. */
export function listenersOf(
  wires = HTTP1_WIRES,
): { name: string; isTls: boolean; input: ListenerInput & { port: number } }[] {
  return wires.flatMap(({ name, listener }) =>
    [false, true].map((isTls) => ({
      name: isTls ? `${name}-tls` : name,
      isTls,
      input: {
        ...listener,
        address: '127.0.0.1',
        port: 0,
        ...(isTls ? { tls: { certificates: ['local'] } } : {}),
      },
    })),
  );
}
