/** Limits that daemons share: what takes two places of the file, or another file, to know. Part of references.ts and files.ts. */
import type { Problem } from './diagnostic.ts';
import { error, type FileAccess, readFile, secretAt } from './file-access.ts';
import type { Loose } from './loose.ts';

/** Of the file alone. */
export function checkShared({ routes, tenants, sharedLimits, onePoolShared, keys }: Loose): Problem[] {
  const [asking] = [...[...routes, ...tenants].flatMap((each) => each.sharedLimits), ...onePoolShared];
  const problems: Problem[] = [];
  if (asking && !keys.has('shared_limits'))
    problems.push(
      error(
        asking,
        'It is not said where limits are shared. Add shared_limits: { url: "redis://host:6379" }.',
      ),
    );
  const { ca, url } = sharedLimits;
  if (ca && url && !url.text.startsWith('rediss:'))
    problems.push(
      error(ca, 'Authorities are for TLS only. Write the url with rediss://, or remove the key.'),
    );
  return problems;
}

/** With the files and variables that it names. */
export function checkSharedFiles({ sharedLimits: { password, ca } }: Loose, access: FileAccess): Problem[] {
  const secret = secretAt(password, access);
  const file = ca && readFile(ca, 'the file of authorities', access);
  return [
    ...(secret && 'problem' in secret ? [secret.problem] : []),
    ...(file && 'problem' in file ? [file.problem] : []),
  ];
}
