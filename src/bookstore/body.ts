/** Reads a JSON body: 415 for another type, 413 for too many bytes, 400 for what is not JSON in UTF-8. */
import { type Call, ClientGone, letContinue } from './call.ts';
import { Problem } from './problem.ts';

/** Also the bound of what one request can make the process hold. */
export const MAX_BODY_BYTES = 256 * 1024;

function requireType(call: Call, accepted: readonly string[]): void {
  const accept = accepted.join(', ');
  const headers = call.method === 'PATCH' ? { 'accept-patch': accept } : { accept };
  const field = call.request.headers['content-type'] ?? '';
  const [type = '', ...parameters] = field.split(';').map((part) => part.trim().toLowerCase());
  if (!accepted.includes(type)) {
    const detail = `The content type must be ${accepted.join(' or ')}${type === '' ? '; there is none' : `, not ${type}`}`;
    throw new Problem(415, 'unsupported_media_type', detail, { headers });
  }
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice(8);
  if (charset !== undefined && !['utf-8', '"utf-8"', 'utf8'].includes(charset)) {
    throw new Problem(415, 'unsupported_media_type', 'JSON is UTF-8 (RFC 8259 section 8.1)', { headers });
  }
  const coding = call.request.headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new Problem(415, 'unsupported_media_type', 'Send the body without a content coding', {
      headers: { ...headers, 'accept-encoding': 'identity' },
    });
  }
}

function tooLarge(): Problem {
  return new Problem(413, 'too_large', `The body may have at most ${MAX_BODY_BYTES} bytes`, {
    members: { maxBytes: MAX_BODY_BYTES },
  });
}

function readBytes(call: Call): Promise<Buffer> {
  const { request } = call;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= MAX_BODY_BYTES) chunks.push(chunk);
      else reject(tooLarge());
    });
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    request.once('error', () => reject(new ClientGone()));
    request.once('close', () => reject(new ClientGone()));
  });
}

export interface JsonBody {
  readonly bytes: Buffer;
  readonly value: unknown;
}

/** @param accepted the media types, in lower case, that are taken */
export async function readJson(
  call: Call,
  accepted: readonly string[] = ['application/json'],
): Promise<JsonBody> {
  requireType(call, accepted);
  if (Number(call.request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  letContinue(call);
  const bytes = await readBytes(call);
  return { bytes, value: parseJson(bytes) };
}

function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new Problem(400, 'malformed_json', 'The body is empty; JSON is expected');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Problem(400, 'malformed_json', `The body is not JSON in UTF-8: ${why}`, { cause: error });
  }
}
