/** A file of users as htpasswd has it: `name:hash` a line, `#` begins a comment. Only scrypt hashes (password-hash.ts). */
import { parsePasswordHash } from './password-hash.ts';

export interface ListedUser {
  readonly name: string;
  readonly hash: string;
}

/** A name stands in Basic credentials, where a colon ends it (RFC 7617 section 2). @returns a complaint, or undefined */
export function userNameProblem(name: string): string | undefined {
  if (name === '' || name.length > 128) return 'A name has 1 to 128 characters.';
  return /[:\u0000-\u001f\u007f]/.test(name) ? 'A name has no colon and no control character.' : undefined;
}

/** @returns a complaint about a hash, or undefined */
export function passwordHashProblem(hash: string): string | undefined {
  if (parsePasswordHash(hash)) return undefined;
  if (/^\$(?:2[aby]|apr1|5|6|argon2)/.test(hash))
    return 'Only scrypt hashes are known here: make one with `sluice hash password`.';
  if (hash.startsWith('$scrypt$'))
    return 'It is not whole, or checking it would take more than 128 MiB or too long: make one with `sluice hash password`.';
  return 'It is no hash of a password: make one with `sluice hash password`.';
}

/** The users of such a file, and what is wrong with its lines (with their numbers, from 1). */
export function parseUserList(text: string): { users: ListedUser[]; problems: string[] } {
  const users: ListedUser[] = [];
  const problems: string[] = [];
  const seen = new Set<string>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (/^\s*(?:#|$)/.test(line)) return;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const hash = line.slice(colon + 1).trim();
    const problem = colon < 0 ? 'It is not name:hash.' : (userNameProblem(name) ?? passwordHashProblem(hash));
    if (problem !== undefined) problems.push(`line ${index + 1}: ${problem}`);
    else if (seen.has(name)) problems.push(`line ${index + 1}: the name stands there twice.`);
    else users.push({ name, hash });
    seen.add(name);
  });
  return { users, problems };
}
