import t from 'tap';
import { type ForwardOptions, questionOf, verdictOf } from '../../../src/access/forward-auth.ts';

const OPTIONS: ForwardOptions = {
  kind: 'forward',
  url: 'http://127.0.0.1:9000/auth',
  fields: ['authorization', 'cookie'],
  copy: ['X-Groups', 'X-Email'],
  userField: 'remote-user',
  tenantField: 'x-auth-tenant',
  timeoutMs: 1000,
  failOpen: false,
};

t.test('what the service is asked', async (t) => {
  const request = {
    method: 'POST',
    target: '/x?y=1',
    fields: 'Host: h\r\nCookie: a=1\r\ncookie: b=2\r\nX-Forwarded-For: 6.6.6.6\r\nX: y\r\n',
    scheme: 'https',
    authority: 'shop.example.com',
    clientIp: '192.0.2.1',
    requestId: 'id1',
  } as const;
  const common = [
    ...['x-forwarded-method', 'POST', 'x-forwarded-proto', 'https', 'x-forwarded-host', 'shop.example.com'],
    ...['x-forwarded-uri', '/x?y=1', 'x-request-id', 'id1'],
  ];
  t.same(questionOf(request, OPTIONS.fields), [
    ...common,
    ...['x-forwarded-for', '192.0.2.1', 'cookie', 'a=1', 'cookie', 'b=2'],
  ]);
  t.same(questionOf({ ...request, clientIp: 'unix:' }, []), common);
});

t.test('what its answer means', async (t) => {
  const of = (status: number, fields: string[], body = '') =>
    verdictOf({ status, fields, body: Buffer.from(body) }, OPTIONS);
  t.same(
    of(204, ['Remote-User', 'ann', 'X-Groups', 'a', 'x-groups', 'b', 'X-Else', '1', 'Set-Cookie', 'c=d']),
    {
      kind: 'known',
      user: 'ann',
      tenant: '',
      lines: 'X-Groups: a, b\r\n',
    },
  );
  t.same(of(200, ['X-Email', 'a\r\nX-Evil: 1']), {
    kind: 'known',
    user: '',
    tenant: '',
    lines: 'X-Email: aX-Evil: 1\r\n',
  });
  t.same(
    of(302, [
      'Location',
      '/login',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'Connection',
      'close, X-Hop',
      'X-Hop',
      '1',
      'Content-Length',
      '0',
    ]),
    {
      kind: 'answered',
      reason: 'unauthorized',
      status: 302,
      fields: 'Location: /login\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n',
      contentType: 'application/octet-stream',
      body: Buffer.from(''),
    },
  );
  t.match(of(403, ['Content-Type', 'text/html', 'Date', 'x'], 'no'), {
    reason: 'forbidden',
    contentType: 'text/html',
    fields: '',
    body: Buffer.from('no'),
  });
});
