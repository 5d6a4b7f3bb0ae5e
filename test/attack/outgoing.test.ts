/** What goes out to servers: one length, and no new line in anything that is made of what a client sent. */
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { fieldOf, get } from '../support/peer.ts';

t.test('14. one Content-Length goes out, however it was spelled', async (t) => {
  await using target = await AttackTarget.start({ pool: { upstream: { host: 'server' } } });
  for (const line of [
    'content-length: 5',
    'CONTENT-LENGTH: 5',
    'Content-Length:\t5',
    'cOnTeNt-LeNgTh: 005',
  ]) {
    const before = target.raw.length;
    const answer = await target.ask(
      `POST /p HTTP/1.1\r\nHost: t.example\r\n${line}\r\nConnection: content-length\r\nContent_Length: 9\r\nContent.Length: 9\r\n\r\nhello`,
    );
    t.equal(answer.status, 200);
    const lines = target.raw
      .slice(before)
      .split('\r\n')
      .filter((it) => /^content.length/i.test(it));
    t.same(lines, ['Content-Length: 5'], line);
  }
});

t.test('15. no new line in what goes out', async (t) => {
  await using target = await AttackTarget.start({
    listener: { trusted_proxies: ['127.0.0.1'] },
    file: {
      routes: [
        { name: 'moved', match: { path: '/moved/*' }, redirect: { to: '/elsewhere' } },
        { name: 'all', pool: 'web' },
      ],
    },
  });
  const nasty = [
    '%0d%0aInjected: 1',
    '%0D%0A%0D%0AGET%20/injected',
    '%E5%98%8A%E5%98%8DInjected: 1',
    '\x85Injected: 1',
    '\xe5\x98\x8a\xe5\x98\x8dInjected',
    '\\r\\nInjected: 1',
  ];
  const places: ((text: string) => string)[] = [
    (text) => get(`/a?q=${text.replace(/[ \\]/g, '+')}`),
    ...[
      'X-Request-Id',
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'X-Forwarded-Proto',
      'X-Forwarded-Port',
      'X-Forwarded-Prefix',
      'X-Real-IP',
      'Forwarded',
      'Cookie',
      'Expect-CT',
      'TE',
      'User-Agent',
      'X-Own',
    ].map((name) => (text: string) => get('/a', `${name}: ${text}\r\n`)),
    (text) => get('/a', `Forwarded: for="${text}"\r\n`),
    (text) => get('/a', `Connection: Upgrade, ${text}\r\nUpgrade: websocket${text}\r\n`),
  ];
  for (const text of nasty)
    for (const place of places) {
      const before = target.raw.length;
      const answer = await target.ask(place(text));
      t.ok([200, 400].includes(answer.status), `${answer.status}`);
      for (const line of target.raw.slice(before).split(/\r\n|\r|\n/))
        t.notMatch(line, /^(?:injected|get \/injected)/i, JSON.stringify(place(text)));
    }
  for (const text of ['%0d%0aInjected: 1', '\r\nInjected: 1', '\rInjected', '\nInjected', '\0']) {
    const answer = await target.ask(`GET / HTTP/1.1\r\nHost: t.example${text}\r\nX: y\r\n\r\n`);
    t.ok(
      answer.status === 400 || fieldOf(target.requests.at(-1) as never, 'injected') === '1',
      JSON.stringify(text),
    );
  }
  const moved = await target.ask(get('/moved/%0d%0aSet-Cookie:%20a=b'));
  t.equal(fieldOf(moved, 'set-cookie'), undefined);
  t.equal(moved.status, 308);
});
