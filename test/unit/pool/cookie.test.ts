import t from 'tap';
import { isCookieName, readCookie } from '../../../src/pool/cookie.ts';

t.test('finds exactly that cookie', (t) => {
  const cases: readonly (readonly [header: string, value: string | undefined])[] = [
    ['sluice=abc', 'abc'],
    ['a=1; sluice=abc; b=2', 'abc'],
    ['a=1;sluice=abc;b=2', 'abc'],
    ['a=1;\tsluice=abc ; b=2', 'abc'],
    ['  sluice=abc', 'abc'],
    ['sluice="abc"', 'abc'],
    ['sluice= "abc" ;x=y', 'abc'],
    ['sluice="', '"'],
    ['sluice=""', ''],
    ['sluice="abc', '"abc'],
    ['sluice=', ''],
    ['sluice=;a=1', ''],
    ['sluice=a=b==', 'a=b=='],
    ['sluice=first; sluice=second', 'first'],
    ['mysluice=no; sluice=yes', 'yes'],
    ['sluice2=no; sluice=yes', 'yes'],
    ['my-sluice=no', undefined],
    ['sluicesluice=no; sluice=yes', 'yes'],
    ['a=sluice=no', undefined],
    ['a="x; sluice=inner"', 'inner"'],
    ['a=b sluice=no', undefined],
    ['Sluice=no', undefined],
    ['sluice', undefined],
    ['sluice; sluice=yes', 'yes'],
    ['sluice =no', undefined],
    ['', undefined],
    [';;;=;sluice=yes;;', 'yes'],
    ['=sluice', undefined],
  ];
  for (const [header, value] of cases) t.equal(readCookie(header, 'sluice'), value, JSON.stringify(header));
  t.end();
});

t.test('names are tokens', (t) => {
  for (const name of ['sluice', '__Host-id', 'a.b_c-d', "!#$%&'*+-.^_`|~9"]) t.ok(isCookieName(name), name);
  for (const name of ['', 'a b', 'a=b', 'a;b', 'ä', 'a,b', '"a"', 'a\n'])
    t.notOk(isCookieName(name), JSON.stringify(name));
  t.end();
});
