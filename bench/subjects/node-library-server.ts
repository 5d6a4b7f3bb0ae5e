/**
 * A small server around one of the proxy libraries of Node, set up as its documentation says and as fast as it goes:
 * keep-alive to the backend, the fields that the other subjects set. Neither library writes an access log.
 *
 * Arguments: library, plain port, TLS port, backend's port, path of the certificate, path of its key.
 */
import { readFileSync } from 'node:fs';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function withForwarded(request: IncomingMessage, headers: IncomingHttpHeaders): IncomingHttpHeaders {
  headers.host = request.headers.host;
  headers['x-forwarded-for'] = request.socket.remoteAddress;
  headers['x-forwarded-proto'] = (request.socket as TLSSocket).encrypted === true ? 'https' : 'http';
  return headers;
}

async function httpProxyHandler(target: string): Promise<Handler> {
  const { default: httpProxy } = await import('http-proxy');
  const proxy = httpProxy.createProxyServer({ target, agent: new Agent({ keepAlive: true }), xfwd: true });
  proxy.on('error', (_error, _request, response) => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end();
  });
  return (request, response) => proxy.web(request, response);
}

async function fastProxyHandler(base: string, isUndici: boolean): Promise<Handler> {
  const { default: fastProxy } = await import('fast-proxy');
  const { proxy } = fastProxy({ base, ...(isUndici ? { undici: { connections: 256, pipelining: 1 } } : {}) });
  const options = { rewriteRequestHeaders: withForwarded };
  return (request, response) => proxy(request, response, request.url ?? '/', options);
}

function handlerOf(library: string, target: string): Promise<Handler> {
  if (library === 'http-proxy') return httpProxyHandler(target);
  if (library === 'fast-proxy') return fastProxyHandler(target, true);
  if (library === 'fast-proxy-agent') return fastProxyHandler(target, false);
  throw new RangeError(`unknown library "${library}"`);
}

const [library = '', plainPort = '', tlsPort = '', backendPort = '', certPath = '', keyPath = ''] =
  process.argv.slice(2);
const handler = await handlerOf(library, `http://127.0.0.1:${backendPort}`);
const keepAliveTimeout = 3_600_000;
const certificate = { cert: readFileSync(certPath), key: readFileSync(keyPath) };
createServer({ keepAliveTimeout }, handler).listen(Number(plainPort), '127.0.0.1');
createTlsServer({ keepAliveTimeout, ...certificate }, handler).listen(Number(tlsPort), '127.0.0.1');
// An orderly end, so that --cpu-prof writes its file.
process.once('SIGTERM', () => process.exit());
