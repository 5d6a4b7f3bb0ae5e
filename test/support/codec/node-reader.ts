/** The same bytes as requests here and in Node's own server (llhttp, `insecureHTTPParser: false`), as steps to compare. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { duplexPair } from 'node:stream';
import { WireFixture } from '../wire-fixture.ts';

/** What a reader makes of the next bytes of a stream; `none`: nothing whole comes any more. */
export type Step =
  | {
      readonly kind: 'request';
      readonly method: string;
      readonly target: string;
      readonly body: string;
      readonly isChunked: boolean;
      /** Field lines: here those that go on to a server, in Node all. */
      readonly fields: readonly string[];
    }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'none' };

export function readHere(bytes: Buffer): Step[] {
  const wire = new WireFixture();
  wire.socket.receive(bytes);
  const whole = wire.requests.filter((it) => it.trailers !== null);
  const fault = wire.faults[0] ?? wire.requests.at(-1)?.fault;
  return [
    ...whole.map(
      ({ stream: { head }, body }): Step => ({
        kind: 'request',
        method: head.method,
        target: head.target,
        body,
        isChunked: head.fields.isChunked,
        fields: head.fields.forward.split('\r\n').slice(0, -1),
      }),
    ),
    fault ? { kind: 'refused', why: `${fault.reason}: ${fault.detail}` } : { kind: 'none' },
  ];
}

/** Node's HTTP server, fed with one connection at a time, in memory. */
export class NodeReader {
  readonly #server: Server;
  #requests: IncomingMessage[] = [];
  #bodies = new Map<IncomingMessage, string>();
  #refused = '';

  constructor() {
    this.#server = createServer({ insecureHTTPParser: false, shouldUpgradeCallback: () => false });
    // A client that has said all is still answered.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.on('request', (request: IncomingMessage, response) => {
      this.#requests.push(request);
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString('latin1');
      });
      request.on('error', () => {});
      request.on('end', () => {
        this.#bodies.set(request, body);
        response.end('ok');
      });
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (error.code !== 'HPE_INVALID_EOF_STATE') this.#refused ||= String(error.code);
      // The requests before it are still on their way to their handler.
      setImmediate(() => setImmediate(() => socket.destroy()));
    });
  }

  async read(bytes: Buffer): Promise<Step[]> {
    this.#requests = [];
    this.#bodies.clear();
    this.#refused = '';
    let answers = '';
    const [near, far] = duplexPair();
    const closed = new Promise((resolve) => far.once('close', resolve));
    near.on('data', (chunk: Buffer) => {
      answers += chunk.toString('latin1');
    });
    near.on('error', () => {});
    near.on('end', () => near.destroy());
    this.#server.emit('connection', far);
    near.end(bytes);
    await closed;
    // Its answers tell of what never gets to a handler: a missing Host, an unknown expectation.
    const statuses = [...answers.matchAll(/HTTP\/1\.1 ([2-5]\d\d)/g)].map((match) => match[1]);
    const at = statuses.findIndex((status) => status !== '200');
    const steps: Step[] = [];
    for (const request of at < 0 ? this.#requests : this.#requests.slice(0, at)) {
      const body = this.#bodies.get(request);
      if (body === undefined) break;
      const { method = '', url: target = '', rawHeaders, headers } = request;
      const isChunked = headers['transfer-encoding'] !== undefined;
      const fields = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []));
      steps.push({ kind: 'request', method, target, body, isChunked, fields });
    }
    const why = this.#refused || (at < 0 ? '' : String(statuses[at]));
    return [...steps, why === '' ? { kind: 'none' } : { kind: 'refused', why }];
  }
}
