/** A gRPC server and a client for it, of grpc-js: what real programs would be. */
import type { EventEmitter } from 'node:events';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { PemPair } from '../../src/tls/forge-certificates.ts';

export interface Message {
  readonly text?: string;
  readonly count?: number;
  readonly data?: Buffer;
}

const proto = loadSync(join(import.meta.dirname, 'grpc.proto'), { defaults: true });
const { Echo } = grpc.loadPackageDefinition(proto)['test'] as unknown as {
  Echo: grpc.ServiceClientConstructor;
};

type Both = grpc.ServerDuplexStream<Message, Message>;

/** What a call was seen as by the server. */
export interface SeenCall {
  readonly method: string;
  readonly metadata: grpc.Metadata;
  readonly deadline: grpc.Deadline;
  /** Resolves when the client has cancelled it, or its deadline has passed. */
  readonly cancelled: Promise<unknown>;
}

type AnyCall = grpc.ServerUnaryCall<Message, Message> | grpc.ServerWritableStream<Message, Message> | Both;

/** Answers `text`; texts that begin with `!` are orders: `!code 5`, `!hang`, `!head`. */
export class GrpcServer implements AsyncDisposable {
  readonly calls: SeenCall[] = [];
  readonly port: number;
  readonly #server: grpc.Server;
  readonly #waiting: ((call: SeenCall) => void)[] = [];

  private constructor(server: grpc.Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(pair: PemPair | null = null): Promise<GrpcServer> {
    const server = new grpc.Server({
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    });
    const credentials =
      pair === null
        ? grpc.ServerCredentials.createInsecure()
        : grpc.ServerCredentials.createSsl(null, [
            { cert_chain: Buffer.from(pair.certPem), private_key: Buffer.from(pair.keyPem) },
          ]);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    const echo = new GrpcServer(server, port);
    server.addService(Echo.service, echo.#handlers());
    return echo;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The next call that comes. */
  nextCall(): Promise<SeenCall> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #see(method: string, call: AnyCall): void {
    const seen: SeenCall = {
      method,
      metadata: call.metadata,
      deadline: call.getDeadline(),
      cancelled: new Promise((resolve) => (call as EventEmitter).on('cancelled', resolve)),
    };
    this.calls.push(seen);
    this.#waiting.shift()?.(seen);
  }

  #handlers(): grpc.UntypedServiceImplementation {
    return {
      Unary: (call: grpc.ServerUnaryCall<Message, Message>, callback: grpc.sendUnaryData<Message>) => {
        this.#see('Unary', call);
        const { text = '' } = call.request;
        if (text === '!hang') return;
        const [, code, details] = /^!code (\d+) (.*)$/.exec(text) ?? [];
        const trailer = new grpc.Metadata();
        trailer.set('x-trailer', 'tail');
        trailer.set('x-bytes-bin', Buffer.from([0, 1, 255]));
        if (code !== undefined) callback({ code: Number(code), details: details ?? '', metadata: trailer });
        else callback(null, call.request, trailer);
      },
      Collect: (call: grpc.ServerReadableStream<Message, Message>, callback: grpc.sendUnaryData<Message>) => {
        this.#see('Collect', call as unknown as AnyCall);
        let count = 0;
        let bytes = 0;
        call.on('data', (message: Message) => {
          count++;
          bytes += message.data?.length ?? 0;
        });
        call.on('end', () => callback(null, { text: `${bytes}`, count }));
      },
      Expand: (call: grpc.ServerWritableStream<Message, Message>) => {
        this.#see('Expand', call);
        const { count = 0, data = Buffer.alloc(0) } = call.request;
        let sent = 0;
        const more = (): void => {
          while (sent < count) if (!call.write({ count: ++sent, data })) return void call.once('drain', more);
          call.end();
        };
        more();
      },
      Chat: (call: Both) => {
        this.#see('Chat', call);
        call.on('data', (message: Message) => {
          if (message.text === '!bye') {
            call.emit('error', { code: grpc.status.ABORTED, details: 'bye' });
            return;
          }
          call.write({ ...message, text: `echo ${message.text}` });
        });
        call.on('end', () => call.end());
        call.on('error', () => {});
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

export interface Unary {
  readonly message: Message | undefined;
  readonly status: grpc.StatusObject;
}

/** A client of `Echo` with promises where grpc-js has callbacks. */
export class GrpcClient implements Disposable {
  readonly client: grpc.Client;

  /** @param ca PEM of the authority; undefined = without TLS */
  constructor(port: number, ca?: string) {
    const credentials =
      ca === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(Buffer.from(ca));
    this.client = new Echo(`localhost:${port}`, credentials, {
      'grpc.max_receive_message_length': -1,
      'grpc.enable_retries': 0,
    });
  }

  #method(name: string): (...args: unknown[]) => unknown {
    const method = (this.client as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
    if (!method) throw new Error(`no method ${name}`);
    return method.bind(this.client);
  }

  unary(message: Message, options: grpc.CallOptions = {}, metadata = new grpc.Metadata()): Promise<Unary> {
    return this.startUnary(message, options, metadata).done;
  }

  startUnary(
    message: Message,
    options: grpc.CallOptions = {},
    metadata = new grpc.Metadata(),
  ): { call: grpc.ClientUnaryCall; done: Promise<Unary> } {
    let answer: Message | undefined;
    const call = this.#method('Unary')(message, metadata, options, (_error: unknown, got?: Message) => {
      answer = got;
    }) as grpc.ClientUnaryCall;
    const done = new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve)).then((status) => ({
      message: answer,
      status,
    }));
    return { call, done };
  }

  collect(): { call: grpc.ClientWritableStream<Message>; answer: Promise<Message> } {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const call = this.#method('Collect')((error: Error | null, got?: Message) => {
      if (error || !got) reject(error);
      else resolve(got);
    }) as grpc.ClientWritableStream<Message>;
    return { call, answer: promise };
  }

  expand(message: Message): grpc.ClientReadableStream<Message> {
    return this.#method('Expand')(message) as grpc.ClientReadableStream<Message>;
  }

  chat(): grpc.ClientDuplexStream<Message, Message> {
    return this.#method('Chat')() as grpc.ClientDuplexStream<Message, Message>;
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}
