/** What Sluice answers itself: routes that respond, redirects, refusals; to HEAD without a body, and the connection goes on. */
import t from 'tap';
import { fieldOf, get } from '../support/peer.ts';
import { overWires } from '../support/wires.ts';

const test = overWires(t);

const routes = [
  { name: 'teapot', match: { path: '/tea' }, respond: { status: 418, body: 'short and stout' } },
  { name: 'empty', match: { path: '/empty' }, respond: 204 },
  {
    name: 'page',
    match: { path: '/page' },
    respond: { status: 200, body: '<h1>é</h1>', content_type: 'text/html' },
  },
  { name: 'moved', match: { path: '/old/*' }, redirect: { to: '/new', status: 308 as const } },
  {
    name: 'further',
    match: { path: '/older/*' },
    redirect: { to: '/newer/*', status: 307 as const, keep_query: false },
  },
  { name: 'all', match: { host: 'known.example' }, pool: 'web' },
];

for (const tls of [false, true]) {
  const listener = tls ? { tls: { certificates: ['local'] } } : {};
  const file = { routes, certificates: { local: { self_signed: ['localhost'] } } };

  test(`answers of routes, ${tls ? 'TLS' : 'plain'}`, async (t, wire) => {
    await using proxied = await wire.start({ file, listener });
    const client = await proxied.client({ tls });

    const tea = await client.ask(get('/tea'));
    t.equal(tea.start, "HTTP/1.1 418 I'm a teapot");
    t.equal(tea.body, 'short and stout');
    t.equal(fieldOf(tea, 'content-type'), 'text/plain; charset=utf-8');
    t.equal(fieldOf(tea, 'connection'), undefined, 'the connection goes on');

    const head = await client.ask(get('/tea').replace('GET', 'HEAD'));
    t.equal(head.status, 418);
    t.equal(fieldOf(head, 'content-length'), '15', 'the length that GET would have');

    const page = await client.ask(get('/page'));
    t.equal(fieldOf(page, 'content-length'), '11', 'bytes, not characters');
    t.equal(page.body, Buffer.from('<h1>é</h1>').toString('latin1'));

    const empty = await client.ask(get('/empty'));
    t.equal(empty.status, 204);
    t.equal(fieldOf(empty, 'content-length'), undefined, 'no length beside 204 (RFC 9110 section 8.6)');

    const moved = await client.ask(get('/old/x?y=1'));
    t.equal(moved.status, 308);
    t.equal(fieldOf(moved, 'location'), '/new?y=1');

    const further = await client.ask(get('/older/.//x?y=1'));
    t.equal(further.status, 307);
    t.equal(fieldOf(further, 'location'), '/newer/x', 'the rest of the path, without the query');

    const unknown = await client.ask(get('/'));
    t.equal(unknown.status, 404);
    t.equal(fieldOf(unknown, 'content-type'), 'application/problem+json');
    t.match(JSON.parse(unknown.body), { status: 404, code: 'no_route', request_id: /^\S{8,}$/ });

    const unknownHead = await client.ask(get('/').replace('GET', 'HEAD'));
    t.equal(unknownHead.status, 404);
    t.equal(Number(fieldOf(unknownHead, 'content-length')), unknown.body.length);

    const forBrowser = await client.ask(get('/', 'Accept: text/html,*/*;q=0.8\r\n'));
    t.equal(fieldOf(forBrowser, 'content-type'), 'text/html; charset=utf-8');
    t.match(forBrowser.body, /<h1>No such route<\/h1>/);
    t.equal(proxied.server.connections, 0, 'no server was asked');
  });
}

test('an answer before the body is there closes after it', async (t, wire) => {
  await using proxied = await wire.start({ file: { routes } });
  const client = await proxied.client();
  client.write('POST /tea HTTP/1.1\r\nHost: t.example\r\nContent-Length: 10\r\n\r\n123');
  const tea = await client.answer();
  t.equal(tea.status, 418);
  t.equal(fieldOf(tea, 'connection'), 'close');
  client.write('4567890GET /tea HTTP/1.1\r\nHost: t.example\r\n\r\n');
  t.equal(await client.rest(), '', 'what follows is not read as a request');
});
