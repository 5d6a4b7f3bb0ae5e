import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FakeContext, sluice } from '../../support/cli-context.ts';

t.test('makes a certificate once, says where it is and how to trust it', async (t) => {
  const context = new FakeContext(t.testdir({}));
  const { code, stdout } = await sluice(['cert', 'make', 'shop.test', '--out', 'tls'], context);
  t.equal(code, 0);
  t.match(stdout, /^Made a certificate for shop\.test, valid until \d{4}-\d\d-\d\d\.\n/);
  t.match(stdout, /shop-test: \{ cert: tls\/shop\.test\.crt, key: tls\/shop\.test\.key \}/);
  t.match(stdout, /local-ca\.crt {2}\(new: it has to be trusted once\)/);
  t.match(stdout, `curl --cacert ${join(context.cwd, 'tls', 'local-ca.crt')}`);
  const certificate = new X509Certificate(readFileSync(join(context.cwd, 'tls', 'shop.test.crt')));
  t.ok(certificate.checkHost('shop.test'));
  t.equal(statSync(join(context.cwd, 'tls', 'shop.test.key')).mode & 0o777, 0o600);

  const again = new FakeContext(context.cwd);
  const second = await sluice(['cert', 'make', 'shop.test', '--out', 'tls', '--json'], again);
  t.match(JSON.parse(second.stdout), { isNew: false, isNewAuthority: false, names: ['shop.test'] });
});

t.test('a name that no certificate can carry', async (t) => {
  const { code, stderr } = await sluice(['cert', 'make', 'a b'], new FakeContext(t.testdir({})));
  t.equal(code, 1);
  t.match(stderr, /error: .*"a b"/);
});
