import t from 'tap';
import { ALGORITHMS, fleetConfig } from '../../../bench/fleet/config.ts';
import { scaleInput } from '../../../bench/scale/input.ts';
import { sluiceConfig } from '../../../bench/subjects/sluice.ts';
import { loadConfig } from '../../../src/config/index.ts';

function errorsOf(text: string): string[] {
  const options = { env: {}, wallMs: 0, checkFiles: false };
  const loaded = loadConfig({ text, name: 'bench', baseDir: '/nowhere' }, options);
  return (loaded.ok ? loaded.warnings : loaded.diagnostics).map(({ message }) => message);
}

t.test('the files that the benches write for Sluice are right', (t) => {
  const certificate = { certPath: '/nowhere/a.crt', keyPath: '/nowhere/a.key' };
  const ports = { plain: 8001, tls: 8002, admin: 8003 };
  for (const setup of [{ threads: 2 }, { threads: 1, engine: 'node' }] as const)
    t.same(errorsOf(sluiceConfig({ certificate, backendPort: 8004 }, ports, setup)), []);
  const servers = [4, 4, 40].map((meanServiceMs, index) => {
    return { name: `server ${index}`, meanServiceMs, port: 9000 + index };
  });
  for (const algorithm of ALGORITHMS) {
    t.same(errorsOf(fleetConfig(algorithm, servers, 8001, 8002)), [], algorithm);
  }
  const many = scaleInput({ routes: 200, servers: ['127.0.0.1:9000'], algorithm: 'peak_ewma', turn: 2 });
  t.same(errorsOf(JSON.stringify(many)), []);
  t.match(fleetConfig('weighted', servers, 1, 2), /9000", weight: 10 .*9002", weight: 1 /s);
  t.notMatch(fleetConfig('random', servers, 1, 2), 'weight: 10');
  t.end();
});
