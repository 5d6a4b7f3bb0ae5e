import t from 'tap';
import { diffConfig, type LoadedConfig, showConfig } from '../../../src/config/index.ts';
import { aroundPool, load, loadFine } from './loading.ts';

/** `path: value # origin` of one line of what is shown. */
function lineOf(shown: string, start: RegExp): string | undefined {
  return shown
    .split('\n')
    .find((line) => start.test(line))
    ?.trim();
}

t.test('every value with the line that it came from, or default', (t) => {
  const shown = showConfig(
    loadFine(t, aroundPool('health: /healthz', 'sticky: { ttl: 1h }', 'retry: 5', 'upstream: { tls: true }')),
  );
  const rows: readonly (readonly [RegExp, string])[] = [
    [/^version/, 'version: 1 # default'],
    [/drain_timeout/, 'drain_timeout: 30s # default'],
    [/^ {4}port/, 'port: 80 # line 1'],
    [/trusted_proxies/, 'trusted_proxies: [] # default'],
    [/^ {4}pool:/, 'pool: web # line 2'],
    [/address/, '- address: 10.0.0.1:80 # line 5'],
    [/^ {8}weight/, 'weight: 1 # default'],
    [/algorithm/, 'algorithm: peak_ewma # default'],
    [/path: \/healthz/, 'path: /healthz # line 6'],
    [/interval/, 'interval: 5s # default'],
    [/ttl/, 'ttl: 1h # line 7'],
    [/cookie/, 'cookie: sluice # default'],
    [/attempts/, 'attempts: 5 # line 8'],
    [/verify/, 'verify: true # default'],
  ];
  for (const [start, expected] of rows) t.equal(lineOf(shown, start), expected);
  t.end();
});

t.test('the one-pool form is shown as what it stands for, with its own lines', (t) => {
  const shown = showConfig(
    loadFine(t, 'listen: http://a.example\nservers: [b:1]\nrate_limit: 20/m\nsticky: ip'),
  );
  t.equal(lineOf(shown, /host: \[/), 'host: [ a.example ] # line 1');
  t.equal(lineOf(shown, /address/), '- address: b:1 # line 2');
  t.equal(lineOf(shown, / rate:/), 'rate: 20/m # line 3');
  t.equal(lineOf(shown, /sticky/), 'sticky: ip # line 4');
  t.equal(lineOf(shown, /algorithm/), 'algorithm: ip_hash # default');
  t.equal(lineOf(shown, /idle_timeout/), 'idle_timeout: 75s # default');
  t.end();
});

t.test('what is shown is a configuration with the same meaning', (t) => {
  const texts = [
    aroundPool(),
    aroundPool(
      'health: { type: tcp, interval: 1500ms }',
      'sticky: cookie',
      'queue: 0',
      'upstream: { tls: { name: a.b } }',
    ),
    aroundPool('health: false', 'sticky: ip'),
    'listen: https://a.example\nservers: ["https://b"]\ntls: { self_signed: a.example }\nrate_limit: { rate: 5/s, burst: 9 }\n',
  ];
  for (const text of texts) {
    const loaded = loadFine(t, text);
    const again = load(showConfig(loaded));
    t.ok(again.ok, text);
    if (again.ok) t.match(diffConfig(loaded.config, again.config), { same: true }, text);
  }
  t.end();
});

t.test('secrets stay hidden, where they come from does not', (t) => {
  const text = `admin:
  tokens:
    - { name: a, role: admin, token: "\${TOKEN}" }
    - { name: b, role: viewer, token: { file: /run/b } }
listen: ":80"
servers: [":3001"]
`;
  const loaded: LoadedConfig = loadFine(t, text, { env: { TOKEN: 'very-secret-indeed' } });
  const shown = showConfig(loaded);
  t.notMatch(shown, 'very-secret');
  t.match(shown, 'token: •••• # line 3');
  t.match(shown, 'file: /run/b # line 4');
  t.end();
});
