/**
 * The clients that people have, over HTTP/1.1 and HTTP/2, each against the server itself and through the proxy: it must see
 * the same either way, and the server the same of it. What they are is in CLIENTS; `ws` is in websocket.test.ts.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type Server,
} from 'node:http';
import { connect as connectH2 } from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Agent, request as undiciRequest } from 'undici';
import { DaemonFixture } from '../support/daemon-fixture.ts';
import { type ComponentName, commandOf, component } from '../support/needs.ts';

const BYTES = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
const UPLOAD = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 17 + (i >> 7)) & 255));

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** What a client is asked to do. */
interface Ask {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body?: Buffer;
}
const ASKS: readonly Ask[] = [
  { name: 'length', method: 'GET', path: '/length?a=%2Fb&c=d+e' },
  { name: 'chunked', method: 'GET', path: '/chunked' },
  { name: 'head', method: 'HEAD', path: '/length' },
  { name: 'upload', method: 'POST', path: '/upload', body: UPLOAD },
  { name: 'missing', method: 'GET', path: '/missing' },
  { name: 'empty', method: 'DELETE', path: '/empty' },
];

/** What it saw of one answer. */
interface Seen {
  readonly name: string;
  readonly status: number;
  readonly etag: string;
  /** How many were set; a browser, whose scripts may not see that, counts those that it keeps. */
  readonly cookies: number;
  readonly bodySha256: string;
}

/** The origin: answers by path, and keeps what it was sent. */
class Origin implements AsyncDisposable {
  readonly got: { method: string; url: string; given: string; bodySha256: string }[] = [];
  readonly #server: Server;
  readonly #results = new Map<string, (seen: Seen[]) => void>();

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const url = request.url ?? '';
        if (url === '/page') {
          response.setHeader('Content-Type', 'text/html');
          response.end(PAGE);
          return;
        }
        if (url.startsWith('/result')) {
          this.#results.get(url)?.(JSON.parse(String(body)) as Seen[]);
          response.end();
          return;
        }
        if (url === '/favicon.ico') {
          response.writeHead(404).end();
          return;
        }
        this.#note(request, url, body);
        response.setHeader('ETag', '"1"');
        response.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2; Path=/']);
        const path = url.split('?')[0];
        if (path === '/length') response.setHeader('Content-Length', BYTES.length).end(BYTES);
        else if (path === '/chunked') {
          response.write(BYTES.subarray(0, 70_000));
          response.end(BYTES.subarray(70_000));
        } else if (path === '/upload') response.writeHead(201).end(`${body.length} ${sha256(body)}`);
        else if (path === '/empty') response.writeHead(204).end();
        else response.writeHead(404).end('no');
      });
    });
  }

  #note(request: IncomingMessage, url: string, body: Buffer): void {
    const given = String(request.headers['x-given'] ?? '');
    this.got.push({ method: request.method ?? '', url, given, bodySha256: sha256(body) });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What the page that a browser shows has seen. */
  result(path: string): Promise<Seen[]> {
    return new Promise((resolve) => this.#results.set(path, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Asks all, in a browser, and tells the server; `protocol` as the browser names it. */
const PAGE = `<!doctype html><title>client</title><script>
const hex = async (bytes) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((it) => it.toString(16).padStart(2, '0')).join('');
(async () => {
  const seen = [];
  for (const { name, method, path, upload } of ${JSON.stringify(ASKS.map(({ body, ...ask }) => ({ ...ask, upload: body?.length ?? 0 })))}) {
    const body = upload === 0 ? undefined : Uint8Array.from({ length: upload }, (_, i) => (i * 17 + (i >> 7)) & 255);
    const answer = await fetch(path, { method, body, cache: 'no-store', headers: { 'X-Given': 'a  b' } });
    seen.push({ name, status: answer.status, etag: answer.headers.get('etag'), cookies: document.cookie.split(';').length, bodySha256: await hex(await answer.arrayBuffer()) });
  }
  const [entry] = performance.getEntriesByName(location.origin + '/chunked');
  await fetch('/result?' + entry.nextHopProtocol, { method: 'POST', body: JSON.stringify(seen) });
})();
</script>`;

interface Target {
  readonly origin: string;
  readonly isHttp2: boolean;
  /** A file with the authority, and its text; '' for plain HTTP. */
  readonly caFile: string;
  readonly ca: string;
  readonly folder: string;
  readonly server: Origin;
}

async function run(command: string, args: readonly string[]): Promise<Buffer> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    errors += String(chunk);
  });
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors.slice(-2000)}`);
  return Buffer.concat(out);
}

function seenOf(name: string, status: number, fields: Record<string, unknown>, body: Buffer): Seen {
  const cookies = fields['set-cookie'];
  return {
    name,
    status,
    etag: String(fields['etag'] ?? ''),
    cookies: Array.isArray(cookies) ? cookies.length : 0,
    bodySha256: sha256(body),
  };
}

async function withCurl({ origin, isHttp2, caFile, folder }: Target): Promise<Seen[]> {
  const seen: Seen[] = [];
  const upload = join(folder, 'upload');
  writeFileSync(upload, UPLOAD);
  for (const { name, method, path, body } of ASKS) {
    const [head, file] = [join(folder, 'head'), join(folder, 'body')];
    writeFileSync(file, '');
    const way = isHttp2 ? '--http2' : '--http1.1';
    const what = method === 'HEAD' ? ['--head'] : ['-X', method];
    await run(commandOf('curl') as string, [
      ...['-sS', way, ...(caFile === '' ? [] : ['--cacert', caFile]), ...what, '-H', 'X-Given: a  b'],
      ...(body ? ['-H', 'Content-Type: application/octet-stream', '--data-binary', `@${upload}`] : []),
      ...['-D', head, '-o', file, `${origin}${path}`],
    ]);
    const heads = readFileSync(head, 'latin1').trim().split('\r\n\r\n');
    const lines = (heads.at(-1) as string).split('\r\n');
    const [version, status] = (lines[0] as string).split(' ');
    if (version !== (isHttp2 ? 'HTTP/2' : 'HTTP/1.1')) throw new Error(`curl spoke ${version}`);
    const valuesOf = (field: string): string[] =>
      lines.filter((it) => it.toLowerCase().startsWith(`${field}: `)).map((it) => it.slice(field.length + 2));
    const fields = { etag: valuesOf('etag')[0], 'set-cookie': valuesOf('set-cookie') };
    const bytes = method === 'HEAD' ? Buffer.alloc(0) : readFileSync(file);
    seen.push(seenOf(name, Number(status), fields, bytes));
  }
  return seen;
}

/** Python prints what it saw as JSON; `ask(method, path, body)` is what a library does its own way. */
async function withPython(target: Target, python: ComponentName, library: string): Promise<Seen[]> {
  const { folder, isHttp2, origin, caFile } = target;
  const asks = ASKS.map(({ name, method, path, body }) => [name, method, path, body !== undefined]);
  const script = `
import hashlib, json, ssl, sys
origin, ca, http2 = ${JSON.stringify(origin)}, ${JSON.stringify(caFile)}, ${isHttp2 ? 'True' : 'False'}
fields = {'X-Given': 'a  b'}
${library}
seen = []
for name, method, path, uploads in json.loads(${JSON.stringify(JSON.stringify(asks))}):
    body = open(${JSON.stringify(join(folder, 'upload'))}, 'rb').read() if uploads else None
    status, etag, cookies, data = ask(method, path, body)
    seen.append(dict(name=name, status=status, etag=etag or '', cookies=cookies, bodySha256=hashlib.sha256(data).hexdigest()))
print(json.dumps(seen))
`;
  writeFileSync(join(folder, 'upload'), UPLOAD);
  return JSON.parse(String(await run(commandOf(python) as string, ['-c', script]))) as Seen[];
}

const HTTPX = `
import httpx
client = httpx.Client(http1=not http2, http2=http2, verify=ssl.create_default_context(cafile=ca) if ca else True)
def ask(method, path, body):
    answer = client.request(method, origin + path, content=body, headers=fields)
    assert answer.http_version == ('HTTP/2' if http2 else 'HTTP/1.1'), answer.http_version
    return answer.status_code, answer.headers.get('etag'), len(answer.headers.get_list('set-cookie')), answer.content
`;

const HTTP_CLIENT = `
import http.client
from urllib.parse import urlsplit
host = urlsplit(origin).netloc
link = http.client.HTTPSConnection(host, context=ssl.create_default_context(cafile=ca)) if ca else http.client.HTTPConnection(host)
def ask(method, path, body):
    link.request(method, path, body=body, headers=fields)
    answer = link.getresponse()
    return answer.status, answer.getheader('etag'), len(answer.headers.get_all('set-cookie') or []), answer.read()
`;

async function withNode({ origin, ca }: Target): Promise<Seen[]> {
  const seen: Seen[] = [];
  const isTls = origin.startsWith('https:');
  const [ask, agent] = isTls
    ? [httpsRequest, new HttpsAgent({ keepAlive: true })]
    : [httpRequest, new HttpAgent({ keepAlive: true })];
  for (const { name, method, path, body } of ASKS) {
    const options: RequestOptions & { ca?: string } = {
      agent,
      method,
      headers: { 'X-Given': 'a  b' },
      ...(ca === '' ? {} : { ca }),
    };
    const request = ask(`${origin}${path}`, options).end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const bytes = await response.toArray();
    seen.push(seenOf(name, response.statusCode ?? 0, response.headers, Buffer.concat(bytes)));
  }
  agent.destroy();
  return seen;
}

async function withUndici({ origin, isHttp2, ca }: Target): Promise<Seen[]> {
  const dispatcher = new Agent({ allowH2: isHttp2, ...(ca === '' ? {} : { connect: { ca } }) });
  const seen: Seen[] = [];
  for (const { name, method, path, body } of ASKS) {
    const answer = await undiciRequest(`${origin}${path}`, {
      dispatcher,
      method: method as 'GET',
      headers: { 'X-Given': 'a  b' },
      ...(body ? { body } : {}),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    seen.push(seenOf(name, answer.statusCode, answer.headers, bytes));
  }
  await dispatcher.close();
  return seen;
}

async function withNodeHttp2({ origin, ca }: Target): Promise<Seen[]> {
  const session = connectH2(origin, { ca });
  const seen: Seen[] = [];
  for (const { name, method, path, body } of ASKS) {
    const stream = session.request({ ':method': method, ':path': path, 'x-given': 'a  b' });
    stream.end(body);
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    seen.push(seenOf(name, Number(headers[':status']), headers, Buffer.concat(await stream.toArray())));
  }
  session.close();
  return seen;
}

async function withChromium({ origin, isHttp2, folder, server }: Target): Promise<Seen[]> {
  const result = server.result(`/result?${isHttp2 ? 'h2' : 'http/1.1'}`);
  const browser = spawn(
    commandOf('chromium') as string,
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
      // Its own store of authorities is not ours to write to.
      ...['--ignore-certificate-errors', `--user-data-dir=${join(folder, 'profile')}`],
      ...['--remote-debugging-port=0', ...(isHttp2 ? [] : ['--disable-http2']), `${origin}/page`],
    ],
    { stdio: 'ignore', detached: true },
  );
  const closed = once(browser, 'close');
  try {
    return await Promise.race([
      result,
      closed.then(([code]) => Promise.reject(new Error(`chromium ended with ${String(code)}`))),
    ]);
  } finally {
    // All of its processes.
    if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, 'SIGKILL');
    await closed;
  }
}

interface Client {
  readonly name: string;
  readonly needs?: ComponentName;
  readonly versions: readonly ('plain' | 'tls' | 'h2')[];
  readonly ask: (target: Target) => Promise<Seen[]>;
}

const CLIENTS: readonly Client[] = [
  { name: 'curl', needs: 'curl', versions: ['plain', 'tls', 'h2'], ask: withCurl },
  { name: 'Chromium', needs: 'chromium', versions: ['plain', 'tls', 'h2'], ask: withChromium },
  { name: 'undici', versions: ['plain', 'tls', 'h2'], ask: withUndici },
  {
    name: 'node:http2',
    versions: ['h2'],
    ask: (target) => (target.isHttp2 ? withNodeHttp2(target) : withNode(target)),
  },
  { name: 'node:http', versions: ['plain', 'tls'], ask: withNode },
  {
    name: 'httpx',
    needs: 'httpx',
    versions: ['plain', 'tls', 'h2'],
    ask: (target) => withPython(target, 'httpx', HTTPX),
  },
  {
    name: 'http.client of Python',
    needs: 'python3',
    versions: ['plain', 'tls'],
    ask: (target) => withPython(target, 'python3', HTTP_CLIENT),
  },
];

for (const { name, needs, versions, ask } of CLIENTS) {
  for (const version of versions) {
    t.test(`${name}, ${version}`, { skip: needs ? component(needs) : false }, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'sluice-client-'));
      t.teardown(() => rmSync(folder, { recursive: true, force: true }));
      await using server = new Origin();
      const address = await server.listen();
      await using daemon = await DaemonFixture.start({
        certificates: { local: { self_signed: ['localhost', '127.0.0.1'] } },
        listeners: {
          plain: { address: '127.0.0.1', port: 0 },
          tls: { address: '127.0.0.1', port: 0, tls: { certificates: ['local'] } },
        },
        routes: [{ pool: 'web' }],
        pools: { web: { servers: [address], health: false } },
      });
      const caFile = join(daemon.folder, 'certs', 'local-ca.crt');
      const about = { isHttp2: false, caFile: '', ca: '', folder, server };
      const direct = await ask({ ...about, origin: `http://${address}` });
      const got = server.got.splice(0);
      t.equal(direct.length, ASKS.length);
      t.match(direct[0], { status: 200, etag: '"1"', cookies: 2, bodySha256: sha256(BYTES) });
      t.match(direct[3], { status: 201, bodySha256: sha256(`${UPLOAD.length} ${sha256(UPLOAD)}`) });

      const through =
        version === 'plain'
          ? { ...about, origin: `http://127.0.0.1:${daemon.port('plain')}` }
          : {
              ...about,
              origin: `https://127.0.0.1:${daemon.port('tls')}`,
              isHttp2: version === 'h2',
              caFile,
              ca: readFileSync(caFile, 'utf8'),
            };
      t.same(await ask(through), direct, 'it sees the same');
      t.same(server.got, got, 'the server sees the same of it');
    });
  }
}
