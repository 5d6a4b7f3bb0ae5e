/** Who may use a route: what takes two places of the file, or another file, to know. Part of references.ts and files.ts. */
import { parseUserList, passwordHashProblem } from '../kernel/user-list.ts';
import type { Path, Problem } from './diagnostic.ts';
import { error, type FileAccess, readFile, secretAt, shortSecret, warning } from './file-access.ts';
import type { At, Loose } from './loose.ts';
import { parseDigest, parseExpiry } from './schema/auth.ts';
import { didYouMean } from './schema/basics.ts';
import { quote } from './units.ts';

/** Of the file alone. */
export function checkAccess({ routes, tenants }: Loose, lineOf: (path: Path) => number): Problem[] {
  const problems: Problem[] = [];
  const asking = routes.find((route) => route.auth.type?.text === 'api_key');
  if (asking?.auth.type && tenants.every((tenant) => tenant.keys.length === 0))
    problems.push(
      error(
        asking.auth.type,
        'Nobody has a key. Add tenants: { NAME: { api_keys: [{ name: web, hash: … }] } }.',
      ),
    );
  for (const { auth } of routes) if (auth.keysUrl) problems.push(...checkKeysUrl(auth.keysUrl));
  const names = routes.flatMap((route) => route.name ?? route.pools[0]?.text ?? []);
  const seen = new Map<string, Path>();
  for (const tenant of tenants) {
    for (const route of tenant.routes) {
      if (names.includes(route.text)) continue;
      const guess = didYouMean(route.text, names);
      const tail =
        guess === undefined ? ' Give the route that is meant a name.' : ` – did you mean "${guess}"?`;
      problems.push(error(route, `no route is called ${quote(route.text)}${tail}`));
    }
    for (const { literal } of tenant.keys) {
      const digest = literal && parseDigest(literal.text);
      if (literal === undefined || digest === undefined) continue;
      const before = seen.get(digest);
      if (before)
        problems.push(error(literal, `the same key stands in line ${lineOf(before)}: whose is it?`));
      else seen.set(digest, literal.path);
    }
  }
  return problems;
}

function checkKeysFile(at: At, access: FileAccess): Problem[] {
  const file = readFile(at, 'the key set', access);
  if ('problem' in file) return [file.problem];
  const bad = (why: string): Problem[] => [error(at, `${quote(at.text)} is no JWK Set: ${why}`)];
  try {
    const { keys } = JSON.parse(file.text) as { keys?: unknown };
    if (!Array.isArray(keys) || keys.length === 0) return bad('write { "keys": [ … ] }.');
    if (keys.some((it) => typeof it?.kty !== 'string')) return bad('each key has a kty.');
    const isPrivate = keys.some((it) => it.d !== undefined || it.kty === 'oct');
    return isPrivate ? bad('it holds a private key. Only public ones belong here.') : [];
  } catch {
    return bad('it is not JSON.');
  }
}

/** @param hasOthers users stand in the configuration, too */
function checkUserList(at: At, text: string, hasOthers: boolean): Problem[] {
  const { users, problems } = parseUserList(text);
  if (users.length + problems.length === 0 && !hasOthers)
    return [error(at, `${quote(at.text)} names nobody: nobody could log in. Write name:hash, one a line.`)];
  return problems.map((problem) => error(at, `${quote(at.text)}, ${problem}`));
}

/** Keys that come over an open network may be anybody's; within one's own it is usual. */
function checkKeysUrl(at: At): Problem[] {
  const url = URL.canParse(at.text) ? new URL(at.text) : undefined;
  // A name without a dot is one of the own network: of a container, of a service of a cluster.
  const isNear = (host: string): boolean =>
    !host.includes('.') ||
    /^(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.[\d.]+$/.test(host) ||
    /\.(?:local|localhost|internal|test|svc)$/.test(host);
  if (url?.protocol !== 'http:' || isNear(url.hostname)) return [];
  const message = 'these keys come without TLS: whoever is on the way can put in their own. Write https://.';
  return [warning(at, message)];
}

/** With the files and variables that it names. */
export function checkAccessFiles({ routes, tenants }: Loose, access: FileAccess): Problem[] {
  const problems: Problem[] = [];
  for (const { auth } of routes) {
    for (const user of auth.users) {
      // In place the schema has looked at it.
      if (user.literal) continue;
      const found = secretAt(user, access);
      if (found === undefined) continue;
      if ('problem' in found) problems.push(found.problem);
      else {
        const problem = passwordHashProblem(found.value);
        if (problem !== undefined) problems.push(error(found.at, problem));
      }
    }
    if (auth.keysFile) problems.push(...checkKeysFile(auth.keysFile, access));
    const secret = auth.secret.literal ? undefined : secretAt(auth.secret, access);
    if (secret && 'problem' in secret) problems.push(secret.problem);
    else if (secret && secret.value.length < 32)
      problems.push(error(secret.at, 'a secret that signs tokens has 32 characters at least.'));
    if (auth.usersFile === undefined) continue;
    const file = readFile(auth.usersFile, 'the file of users', access);
    if ('problem' in file) problems.push(file.problem);
    else problems.push(...checkUserList(auth.usersFile, file.text, auth.users.length > 0));
  }
  for (const key of tenants.flatMap((tenant) => tenant.keys)) {
    if (key.expires && parseExpiry(key.expires.text) <= access.wallMs)
      problems.push(warning(key.expires, `this key ended with ${key.expires.text}: it is refused.`));
    if (key.literal) continue;
    const found = secretAt(key, access);
    if (found === undefined) continue;
    if ('problem' in found) problems.push(found.problem);
    else if (parseDigest(found.value) === undefined) problems.push(...shortSecret(found, 'the key'));
  }
  return problems;
}
