/** PROXY headers that are sent: what a receiver reads in them. */
import t from 'tap';
import { ownProxyHeader, type ProxiedClient, proxyHeader } from '../../../src/kernel/proxy-header.ts';
import { readProxyHeader } from '../../../src/listen/proxy-protocol.ts';

const client = (sourceAddress: string, targetAddress: string): ProxiedClient => ({
  sourceAddress,
  sourcePort: 50_123,
  targetAddress,
  targetPort: 443,
});

t.test('as text', async (t) => {
  const table: [string, string, string][] = [
    ['203.0.113.7', '198.51.100.1', 'TCP4 203.0.113.7 198.51.100.1 50123 443'],
    ['2001:db8::7', '2001:db8::1', 'TCP6 2001:db8::7 2001:db8::1 50123 443'],
    ['fe80::7%eth0', 'fe80::1%eth0', 'TCP6 fe80::7 fe80::1 50123 443'],
    ['203.0.113.7', '2001:db8::1', 'TCP6 ::ffff:203.0.113.7 2001:db8::1 50123 443'],
    ['2001:db8::7', '198.51.100.1', 'TCP6 2001:db8::7 ::ffff:198.51.100.1 50123 443'],
    ['203.0.113.7', '', 'TCP4 203.0.113.7 0.0.0.0 50123 443'],
    ['2001:db8::7', '', 'TCP6 2001:db8::7 :: 50123 443'],
    ['unix:', '', 'UNKNOWN'],
    ['', '198.51.100.1', 'UNKNOWN'],
  ];
  for (const [source, target, line] of table)
    t.equal(proxyHeader('v1', client(source, target)), `PROXY ${line}\r\n`, `${source} ${target}`);
  t.equal(ownProxyHeader('v1'), 'PROXY UNKNOWN\r\n');
});

t.test('as bytes', async (t) => {
  const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
  const signature = '0d0a0d0a000d0a515549540a';
  t.equal(
    hex(proxyHeader('v2', client('203.0.113.7', '198.51.100.1'))),
    `${signature}2111000ccb007107c6336401c3cb01bb`,
  );
  t.equal(
    hex(proxyHeader('v2', client('2001:db8::7', '::ffff:1.2.3.4'))),
    `${signature}2121002420010db800000000000000000000000700000000000000000000ffff01020304c3cb01bb`,
  );
  t.equal(hex(proxyHeader('v2', client('unix:', ''))), `${signature}21000000`, 'PROXY, for nobody known');
  t.equal(hex(ownProxyHeader('v2')), `${signature}20000000`, 'LOCAL');
});

t.test('what is sent is what is read', async (t) => {
  const addresses = [
    '203.0.113.7',
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '::1',
    '1::',
    '2001:db8::7',
    '1:2:3:4:5:6:7:8',
    '1::8',
    'fe80::7',
  ];
  for (const version of ['v1', 'v2'] as const)
    for (const source of addresses)
      for (const target of addresses) {
        const header = proxyHeader(version, client(source, target));
        const reading = readProxyHeader(Buffer.from(`${header}GET`, 'latin1'));
        t.match(
          reading,
          { kind: 'proxied', size: header.length, addresses: client(source, target) },
          `${version} ${source} ${target}`,
        );
      }
  for (const version of ['v1', 'v2'] as const)
    t.match(readProxyHeader(Buffer.from(ownProxyHeader(version), 'latin1')), { kind: 'local' });
});
