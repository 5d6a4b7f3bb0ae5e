/** Smuggling and floods by way of the chunked coding. The numbers are of README.md here. */
import t from 'tap';
import { AttackTarget } from '../support/attack-target.ts';
import { NODE, overWires } from '../support/wires.ts';

const test = overWires(t);

const HOST = 'Host: t.example\r\n';
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: t.example\r\n\r\n';
const post = (fields: string, rest: string): string => `POST /p HTTP/1.1\r\n${HOST}${fields}\r\n${rest}`;

test('8. chunk sizes and extensions', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  const bodies = [
    ...[
      '0x5\r\nhello\r\n',
      '+5\r\nhello\r\n',
      '-5\r\nhello\r\n',
      ' 5\r\nhello\r\n',
      '5 \r\nhello\r\n',
      '\t5\r\nhello\r\n',
    ],
    ...[
      '5_0\r\nhello\r\n',
      '5g\r\nhello\r\n',
      'x5\r\nhello\r\n',
      '\r\n5\r\nhello\r\n',
      '5\nhello\r\n',
      '5\rhello\r\n',
      '5\r\r\nhello\r\n',
    ],
    ...[
      '5;a\nb\r\nhello\r\n',
      '5;a\rb\r\nhello\r\n',
      '5;a\0b\r\nhello\r\n',
      '5;\x01\r\nhello\r\n',
      '5;\x7f\r\nhello\r\n',
    ],
    ...[
      '5\r\nhello\n',
      '5\r\nhello\r',
      '5\r\nhelloXX',
      '5\r\nhell\r\n',
      '4\r\nhello\r\n',
      '5\r\nhello\r\n\r\n',
      '5\0\r\nhello\r\n',
    ],
    ...[
      'ffffffffffffffffff\r\n',
      '10000000000000000\r\n',
      '5"\r\nhello\r\n',
      '５\r\nhello\r\n',
      '5,5\r\nhello\r\n',
    ],
    ...[
      ';x\r\nhello\r\n',
      '5.\r\nhello\r\n',
      '5e0\n',
      '0\n\n',
      '0\r\n\n',
      '0\r\nX: y\n\r\n',
      '0\r\n X: y\r\n\r\n',
      '0\r\nX : y\r\n\r\n',
    ],
  ];
  for (const body of bodies) {
    const { length } = target.requests;
    await using client = await target.client();
    client.write(`${post('Transfer-Encoding: chunked\r\n', body)}0\r\n\r\n${HIDDEN}`);
    t.equal((await client.answer()).status, 400, JSON.stringify(body));
    await client.ended();
    t.equal(client.unread, '');
    t.equal(target.requests.length, length, 'no whole request got to the server');
  }
  t.notMatch(target.raw, /hidden/);
  await target.serves(t);
});

test('8. a chunk size that no number of ours holds', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start({
    listener: { limits: { body_timeout: '500ms' } },
  });
  await using client = await target.client();
  client.write(post('Transfer-Encoding: chunked\r\n', '20000000000000\r\nx'));
  // Node counts to 2^64, so to it this is a body that stops coming.
  t.equal((await client.answer()).status, wire === NODE ? 408 : 400);
  await client.ended();
  t.same(target.requests, []);
});

test('9. a flood of chunk extensions', async (t, wire) => {
  await using target = await AttackTarget.over(wire).start();
  for (const body of [
    `5;${'x'.repeat(65_536)}\r\nhello\r\n`,
    `1;ab\r\nx\r\n`.repeat(3000),
    `1;${'y'.repeat(1000)}\r\nx\r\n`.repeat(100),
  ]) {
    const { length } = target.requests;
    await using client = await target.client();
    client.write(`${post('Transfer-Encoding: chunked\r\n', body)}0\r\n\r\n`);
    // Node bounds those of a chunk (16 KiB) and not those of a body; none goes on in either case.
    const passes = wire === NODE && !body.startsWith('5');
    t.equal((await client.answer()).status, passes ? 200 : 400);
    if (!passes) await client.ended();
    t.equal(target.requests.length, passes ? length + 1 : length);
    t.notMatch(target.raw, /\n[0-9a-f]+;/);
  }
  const small = '1\r\nx\r\n'.repeat(3000);
  const answer = await target.ask(`${post('Transfer-Encoding: chunked\r\n', small)}0\r\n\r\n`);
  t.equal(answer.status, 200, 'small chunks are no crime');
  t.equal(target.requests.at(-1)?.body, 'x'.repeat(3000));
});
