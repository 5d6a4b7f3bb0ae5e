/** How a verb talks to a running daemon: over its admin API, and only so. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { findConfig, type ResolvedConfig } from '../config/index.ts';
import { formatHostPort } from '../kernel/address.ts';
import { errorCode, errorText, SluiceError } from '../kernel/errors.ts';
import { load } from './configuration.ts';
import type { Context } from './context.ts';
import { UsageError } from './failure.ts';

export interface AdminArguments {
  readonly admin?: string | undefined;
  readonly token?: string | undefined;
  readonly config?: string | undefined;
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

const DEFAULT_URL = 'http://127.0.0.1:9900';
const TIMEOUT_MS = 5000;

export class AdminClient {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;

  constructor(url: string, token: string | undefined, timeoutMs = TIMEOUT_MS) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
    this.#timeoutMs = timeoutMs;
  }

  /** Any answer. @throws SluiceError `no_daemon` when there is none */
  async ask(method: 'GET' | 'POST', path: string): Promise<AdminAnswer> {
    try {
      const answer = await request(`${this.url}${path}`, {
        method,
        headersTimeout: this.#timeoutMs,
        bodyTimeout: this.#timeoutMs,
        headers: this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` },
      });
      const text = await answer.body.text();
      const isJson = /\bjson\b/.test(String(answer.headers['content-type'] ?? ''));
      return { status: answer.statusCode, body: isJson ? JSON.parse(text) : text };
    } catch (error) {
      const isRefused = errorCode(error) === 'ECONNREFUSED';
      const why = isRefused ? 'nothing listens there' : errorText(error);
      throw new SluiceError('no_daemon', `no answer from ${this.url}: ${why}`, {
        hint: 'Is the daemon running? Name its admin address by --admin URL or SLUICE_ADMIN_URL.',
        cause: error,
      });
    }
  }

  /** @throws SluiceError `no_daemon`, or with the API's own code and words */
  async get(path: string): Promise<unknown> {
    return this.bodyOf(await this.ask('GET', path));
  }

  /** The body of a good answer. @throws SluiceError with the API's own code and words */
  bodyOf({ status, body }: AdminAnswer): unknown {
    if (status < 300) return body;
    const problem = (typeof body === 'object' && body !== null ? body : {}) as {
      code?: string;
      detail?: string;
      hint?: string;
    };
    const hint = status === 401 && this.#token === undefined ? NO_TOKEN : problem.hint;
    throw new SluiceError(
      problem.code ?? 'admin_refused',
      `the daemon answered ${status}${problem.detail === undefined ? '' : `: ${problem.detail}`}`,
      hint === undefined ? {} : { hint },
    );
  }
}

const NO_TOKEN =
  'Give the token by --token or SLUICE_ADMIN_TOKEN; it stands in admin.token in the folder of store.';

/** @throws UsageError when `--admin` is no URL */
export function openAdmin(args: AdminArguments, context: Context): AdminClient {
  const config = configInReach(args.config, context);
  const named = args.admin ?? context.env['SLUICE_ADMIN_URL'];
  const url = named || (config === undefined ? DEFAULT_URL : urlOf(config));
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new UsageError(`"${url}" is not a URL`, `For example: --admin ${DEFAULT_URL}`);
  return new AdminClient(url, tokenOf(args.token, config, context));
}

/** The configuration that a daemon here would run with, if there is one that can be read. */
function configInReach(named: string | undefined, context: Context): ResolvedConfig | undefined {
  const found = findConfig({ named, env: context.env, cwd: context.cwd, exists: existsSync });
  if (!found.found) return undefined;
  const loaded = load({ file: found.file }, context);
  return loaded.ok ? loaded.config : undefined;
}

/** An address that stands for all addresses is asked on this machine. */
function urlOf(config: ResolvedConfig): string {
  const { host, port } = config.admin.listen;
  const reachable = host === '' || host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${formatHostPort({ host: reachable, port })}`;
}

function tokenOf(
  given: string | undefined,
  config: ResolvedConfig | undefined,
  context: Context,
): string | undefined {
  const named = given ?? context.env['SLUICE_ADMIN_TOKEN'];
  if (named) return named;
  const configured = config?.admin.tokens.find((it) => it.role === 'admin') ?? config?.admin.tokens[0];
  if (configured) return configured.token.reveal();
  try {
    return readFileSync(join(config?.store.path ?? join(context.cwd, 'data'), 'admin.token'), 'utf8').trim();
  } catch {
    return undefined; // the API says that one is needed
  }
}
