/**
 * Makes what is missing or outworn of a local authority and its certificates. Runs in a worker thread
 * (`local-worker.ts`) because it is heavy on the processor.
 *
 * Several processes may do this at once, in one folder, without a lock: a first authority is created
 * exclusively, so that all use the one that won; after everything is written, the authority is read again, and
 * when somebody has replaced it meanwhile the whole is done over with that one. A replaced authority may sign
 * all that its predecessor might, so two processes with different names do not take turns for ever.
 */
import { SluiceError } from '../kernel/errors.ts';
import { makeAuthority, makeLeaf, permittedOf } from './forge-certificates.ts';
import {
  AUTHORITY_NAME,
  isUsableAuthority,
  isUsableLeaf,
  keyFileOf,
  type LocalPair,
  type LocalRequest,
  publishCopy,
  readLocalPair,
} from './local-files.ts';
import { isPermitted, permittedWith } from './local-names.ts';
import { makePrivateFolder, PRIVATE_FILE_MODE, replaceFile, writeNew } from './private-file.ts';

export interface LocalResult {
  readonly madeAuthority: boolean;
  /** Names of the certificates that were made anew. */
  readonly made: readonly string[];
}

const MAX_ROUNDS = 10;

export async function makeLocalCertificates(request: LocalRequest): Promise<LocalResult> {
  await makePrivateFolder(request.authorityDirectory);
  await makePrivateFolder(request.directory);
  let madeAuthority = false;
  const made = new Set<string>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    madeAuthority = (await provideAuthority(request)) || madeAuthority;
    const authority = await mustRead(request.authorityDirectory, AUTHORITY_NAME);
    await publishCopy(request.authorityDirectory, AUTHORITY_NAME, authority);
    for (const { name, names } of request.certificates) {
      if (await provideLeaf(request, authority, name, names)) made.add(name);
    }
    const now = await readLocalPair(request.authorityDirectory, AUTHORITY_NAME);
    if (now?.certPem === authority.certPem) return { madeAuthority, made: [...made] };
  }
  throw new SluiceError('tls_local_ca', `${request.authorityDirectory}: the local authority keeps changing`, {
    hint: 'Several processes write there with different settings; give each a folder of its own.',
  });
}

/** True when an authority was made; it may have lost against one made elsewhere at the same time. */
async function provideAuthority(request: LocalRequest): Promise<boolean> {
  const { authorityDirectory, wallMs } = request;
  const names = request.certificates.flatMap((certificate) => certificate.names);
  const before = await readLocalPair(authorityDirectory, AUTHORITY_NAME);
  const permittedBefore = before === undefined ? undefined : permittedOf(before.certPem);
  if (before !== undefined && permittedBefore !== undefined && isUsableAuthority(before, wallMs)) {
    if (names.every((name) => isPermitted(permittedBefore, name))) return false;
  }
  const { certPem, keyPem } = makeAuthority(permittedWith(permittedBefore, names), wallMs);
  return publish(authorityDirectory, AUTHORITY_NAME, keyPem + certPem, before);
}

/** True when a certificate was made and is the one that lies there. */
async function provideLeaf(
  request: LocalRequest,
  authority: LocalPair,
  name: string,
  names: readonly string[],
): Promise<boolean> {
  const { directory, wallMs } = request;
  const before = await readLocalPair(directory, name);
  const isGood = before !== undefined && isUsableLeaf(before, authority, names, wallMs);
  let isMade = false;
  if (!isGood) {
    const { certPem, keyPem } = makeLeaf(authority, names, wallMs);
    isMade = await publish(directory, name, keyPem + certPem, before);
  }
  await publishCopy(directory, name, await mustRead(directory, name));
  return isMade;
}

async function publish(
  directory: string,
  name: string,
  text: string,
  before: LocalPair | undefined,
): Promise<boolean> {
  const path = keyFileOf(directory, name);
  if (before === undefined) return writeNew(path, text, PRIVATE_FILE_MODE);
  await replaceFile(path, text, PRIVATE_FILE_MODE);
  return true;
}

async function mustRead(directory: string, name: string): Promise<LocalPair> {
  const pair = await readLocalPair(directory, name);
  if (pair) return pair;
  throw new SluiceError('tls_local_ca', `${keyFileOf(directory, name)} vanished while it was being made`, {
    hint: 'Another process deletes files there; stop it or use another folder.',
  });
}
