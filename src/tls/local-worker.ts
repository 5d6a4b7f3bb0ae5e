import { parentPort, workerData } from 'node:worker_threads';
import { errorText, SluiceError } from '../kernel/errors.ts';
import type { LocalRequest } from './local-files.ts';
import { makeLocalCertificates } from './local-maker.ts';
import type { LocalReply } from './self-signed.ts';

/** The whole life of the worker: one request in, one reply out. */
async function answer(request: LocalRequest): Promise<LocalReply> {
  try {
    return { ok: true, result: await makeLocalCertificates(request) };
  } catch (error) {
    const isOurs = error instanceof SluiceError;
    return {
      ok: false,
      code: isOurs ? error.code : 'tls_local_ca',
      message: errorText(error),
      hint: isOurs ? error.hint : undefined,
    };
  }
}

parentPort?.postMessage(await answer(workerData as LocalRequest));
