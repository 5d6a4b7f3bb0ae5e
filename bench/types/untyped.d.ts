/** The parts that the bench uses of packages without types of their own. */
declare module 'autocannon' {
  function autocannon(options: autocannon.Options): Promise<autocannon.Result>;
  namespace autocannon {
    interface Request {
      readonly method?: string;
      readonly path: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
    interface Options {
      readonly url: string;
      readonly connections: number;
      readonly duration: number;
      readonly requests?: readonly Request[];
      readonly tlsOptions?: { readonly rejectUnauthorized: boolean };
    }
    interface Result {
      readonly requests: { readonly total: number };
      readonly throughput: { readonly total: number };
      readonly latency: {
        readonly p50: number;
        readonly p90: number;
        readonly p99: number;
        readonly max: number;
      };
      readonly duration: number;
      readonly errors: number;
      readonly timeouts: number;
      readonly mismatches: number;
      readonly resets: number;
      readonly non2xx: number;
    }
  }
  export = autocannon;
}

declare module 'http-proxy' {
  import type { Agent, IncomingMessage, ServerResponse } from 'node:http';

  interface Options {
    readonly target: string;
    readonly agent: Agent;
    readonly xfwd: boolean;
  }
  interface Proxy {
    web(request: IncomingMessage, response: ServerResponse): void;
    on(
      event: 'error',
      listener: (error: Error, request: IncomingMessage, response: ServerResponse) => void,
    ): this;
  }
  const httpProxy: { createProxyServer(options: Options): Proxy };
  export = httpProxy;
}

declare module 'fast-proxy' {
  import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

  interface Options {
    readonly base: string;
    readonly cacheURLs?: number;
    readonly undici?: { readonly connections: number; readonly pipelining: number };
  }
  interface RequestOptions {
    readonly rewriteRequestHeaders?: (
      request: IncomingMessage,
      headers: IncomingHttpHeaders,
    ) => IncomingHttpHeaders;
  }
  interface FastProxy {
    proxy(request: IncomingMessage, response: ServerResponse, source: string, options: RequestOptions): void;
  }
  function fastProxy(options: Options): FastProxy;
  export = fastProxy;
}
