/** What is wrong with limits, in the file and beyond it. */
import t from 'tap';
import { showConfig } from '../../../src/config/index.ts';
import { load, loadFine, report } from './loading.ts';

/** The findings, without their places. */
const complaints = (text: string): string[] => report(load(text)).map((each) => each.replace(/^\S+ /, ''));

function file(route: string, more = ''): string {
  return `listeners: { http: { port: 80 } }\nroutes: [{ pool: web, ${route} }]\npools: { web: { servers: [10.0.0.1:80] } }\n${more}`;
}
const SHARED = 'shared_limits: { url: "redis://cache:6379" }';
const redis = (fields: string): string =>
  file('rate_limit: { rate: 1/s, shared: true }', `shared_limits: { ${fields} }`);

t.test('each says what to write instead', async (t) => {
  const rows: readonly (readonly [text: string, ...expected: string[]])[] = [
    [file('concurrency: 0'), 'error routes[0].concurrency: 0 is not a whole number from 1 to 1000000.'],
    [file('concurrency: { key: route }'), 'error routes[0].concurrency: "max" is missing.'],
    [file('bandwidth: 5'), 'error routes[0].bandwidth: 5 has no unit. Write 5KiB/s.'],
    [
      file('bandwidth: { upload: 0B/s }'),
      'error routes[0].bandwidth.upload: "0B/s" is too small. The least is 1B/s.',
    ],
    [file('max_body_size: 10'), 'error routes[0].max_body_size: 10 has no unit.'],
    [
      file('rate_limit: [1/s, { rate: 1/s, shared: true }]'),
      'error routes[0].rate_limit[1].shared: It is not said where limits are shared. Add shared_limits: { url: "redis://host:6379" }.',
    ],
    [
      file('rate_limit: { rate: 1/s, shared: true, burst: 5 }', SHARED),
      'error routes[0].rate_limit.burst: Shared limits are windows, without a burst. Remove burst, or shared.',
    ],
    [
      redis('url: cache'),
      'error shared_limits.url: "cache" is not a place. Write redis://host:6379, or rediss://host:6379 for TLS.',
    ],
    [
      redis('url: "redis://u:p@cache"'),
      'error shared_limits.url: User and password stand beside the URL: username: …, password: { file: … }.',
    ],
    [redis('url: "redis://cache/x"'), 'error shared_limits.url: "/x" is not the number of a database.'],
    [redis('url: "redis://cache", prefix: "a b"'), 'error shared_limits.prefix: "a b" is not a prefix'],
    [
      redis('url: "redis://cache", ca: nowhere.crt'),
      'error shared_limits.ca: Authorities are for TLS only. Write the url with rediss://, or remove the key.',
    ],
  ];
  for (const [text, ...expected] of rows) {
    const found = complaints(text);
    t.equal(found.length, expected.length, found.join('\n'));
    for (const [i, each] of expected.entries()) t.ok(found[i]?.startsWith(each), `${found[i]}\n${each}`);
  }
});

t.test('the password is not shown', async (t) => {
  const text = redis('url: "redis://cache", password: "${SECRET}"');
  const shown = showConfig(loadFine(t, text, { env: { SECRET: 'very-secret-indeed' } }));
  t.notMatch(shown, 'very-secret');
  t.match(shown, 'password: ••••');
});
