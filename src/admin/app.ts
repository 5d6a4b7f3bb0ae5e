/**
 * The HTTP side: one fastify application. Every request goes through `admit` before its body is read:
 *
 *   origin of the page ─▶ guard ─▶ token ─▶ role of the route ─▶ (body, schema) ─▶ handler
 *
 * A route without a declared access needs the highest role, so that forgetting one closes it. Access belongs to the
 * route that was matched, never to a prefix of a path: there is no second reading of the path that could differ.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import swagger from '@fastify/swagger';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
  type RawServerDefault,
  type RouteOptions,
} from 'fastify';
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { unmapAddress } from '../kernel/address.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorCode } from '../kernel/errors.ts';
import type { Log } from '../observe/index.ts';
import type { AdminControl, Role } from './control.ts';
import type { LoginGuard } from './login-guard.ts';
import { judgeOrigin, type OriginRules } from './origin.ts';
import { ApiProblem, invalidFields, type ProblemAnswer, problemAnswer } from './problem.ts';
import { bearerToken, isAllowed, type Principal, type TokenSet } from './tokens.ts';

const MAX_BODY_BYTES = 64 * 1024;
/** An address (253) with port and brackets, every byte of it URL-encoded. */
const MAX_PARAM_CHARS = 800;

/** `open` = without a token. */
export type Access = 'open' | Role;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Who asks; null on open routes. */
    principal: Principal | null;
  }
}

export type AdminApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface AppDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly control: AdminControl;
  readonly version: string;
  readonly guard: LoginGuard;
  /** Asked anew for each request: a reload may change them. */
  tokens(): TokenSet;
  originRules(): OriginRules;
}

export async function makeApp(deps: AppDeps, routes: (app: AdminApp) => void): Promise<AdminApp> {
  const app = fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    // Idle connections are closed at once on stop, busy ones get to finish (AdminServer sets the deadline).
    forceCloseConnections: 'idle',
    keepAliveTimeout: 10_000,
    requestTimeout: 10_000,
    http: { headersTimeout: 5000, connectionsCheckingInterval: 1000 },
    routerOptions: { maxParamLength: MAX_PARAM_CHARS },
    clientErrorHandler: answerBadBytes,
    frameworkErrors: (error, _request, reply) => send(reply as FastifyReply, problemAnswer(error)),
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.decorateRequest('principal', null);
  // Anything but JSON is refused: a form or a text is what another site's page can send without asking first.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', (request, reply) => admit(request, reply, deps));
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, deps.log));
  app.setNotFoundHandler((request) => {
    throw new ApiProblem('not_found', `There is no ${request.method} ${pathOf(request)}.`);
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Sluice admin API', version: deps.version },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  });
  const methods = collectMethods(app);
  app.register((scope, _options, done) => {
    routes(scope.withTypeProvider<ZodTypeProvider>());
    refuseOtherMethods(scope, methods);
    done();
  });
  await app.ready();
  return app;
}

async function admit(request: FastifyRequest, reply: FastifyReply, deps: AppDeps): Promise<void> {
  reply.header('cache-control', 'no-store');
  reply.header('x-content-type-options', 'nosniff');
  reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'");
  const { headers } = request;
  const secFetchSite = headers['sec-fetch-site'];
  const verdict = judgeOrigin(
    {
      host: headers.host,
      origin: headers.origin,
      secFetchSite: Array.isArray(secFetchSite) ? secFetchSite.join(', ') : secFetchSite,
    },
    deps.originRules(),
  );
  if (!verdict.ok) {
    deps.log.warn('refused a request to the admin API', { from: clientOf(request), why: verdict.detail });
    throw new ApiProblem(verdict.code, verdict.detail);
  }
  const access = request.is404 ? 'viewer' : (request.routeOptions.config.access ?? 'admin');
  if (access === 'open') return;
  const principal = await authenticate(request, deps);
  if (!isAllowed(principal.role, access))
    throw new ApiProblem(
      'forbidden_role',
      `"${principal.name}" is ${principal.role}; this needs ${access}.`,
      {
        hint: `Use a token with the role ${access}.`,
      },
    );
  request.principal = principal;
}

async function authenticate(request: FastifyRequest, deps: AppDeps): Promise<Principal> {
  const from = clientOf(request);
  const token = bearerToken(request.headers.authorization);
  if (token === undefined) {
    throw new ApiProblem('unauthorized', 'The request has no bearer token.', {
      fields: { 'www-authenticate': 'Bearer realm="sluice"' },
    });
  }
  const blockedSeconds = await deps.guard.blockedSeconds(from);
  if (blockedSeconds > 0) throw tooMany(blockedSeconds);
  const principal = deps.tokens().match(token);
  if (principal) return principal;
  const waitSeconds = await deps.guard.noteFailure(from, token);
  if (waitSeconds > 0) throw tooMany(waitSeconds);
  deps.log.warn('wrong token at the admin API', { from });
  throw new ApiProblem('unauthorized', 'This token is not known.', {
    fields: { 'www-authenticate': 'Bearer realm="sluice", error="invalid_token"' },
  });
}

function tooMany(seconds: number): ApiProblem {
  return new ApiProblem('too_many_attempts', 'Too many wrong tokens came from this address.', {
    hint: `Wait ${seconds} s, and look for a program that has an outdated token.`,
    fields: { 'retry-after': String(seconds) },
  });
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const thrown = hasZodFastifySchemaValidationErrors(error)
    ? invalidFields((error as FastifyError).validationContext ?? 'request', error.validation)
    : error;
  const answer = problemAnswer(thrown);
  if (answer.isOurFault)
    log.error('the admin API failed', { method: request.method, path: pathOf(request), error });
  return send(reply, answer);
}

/** What Node's parser refuses never becomes a request. */
function answerBadBytes(error: Error, socket: Socket): void {
  // Gone, or in the middle of an answer.
  if (!socket.writable || errorCode(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const isTooLarge = errorCode(error) === 'HPE_HEADER_OVERFLOW';
  const body = JSON.stringify(
    problemAnswer(
      new ApiProblem(
        isTooLarge ? 'fields_too_large' : 'bad_request',
        isTooLarge ? 'The fields are larger than 16 KiB.' : 'This is no HTTP request.',
      ),
    ).body,
  );
  const status = isTooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function send(reply: FastifyReply, answer: ProblemAnswer): FastifyReply {
  return reply
    .code(answer.body.status)
    .headers(answer.fields)
    .type('application/problem+json')
    .serializer((body: unknown) => JSON.stringify(body))
    .send(answer.body);
}

/** The address of whoever asks; never what a header says. */
export function clientOf(request: FastifyRequest): string {
  return unmapAddress(request.ip);
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]?.slice(0, 300) ?? '';
}

/** The methods of every path, and whether it is open. */
type Methods = Map<string, { readonly methods: Set<string>; access: Access }>;

function collectMethods(app: FastifyInstance): Methods {
  const known: Methods = new Map();
  app.addHook('onRoute', (route: RouteOptions) => {
    const access = route.config?.access ?? 'admin';
    const at = known.get(route.url) ?? { methods: new Set<string>(), access };
    known.set(route.url, at);
    for (const method of [route.method].flat()) at.methods.add(method);
    if (access === 'open') at.access = 'open';
  });
  return known;
}

/** 405 with Allow instead of 404 for a path that is there (RFC 9110 §15.5.6). */
function refuseOtherMethods(app: FastifyInstance, known: Methods): void {
  const all: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];
  for (const [url, { methods, access }] of [...known]) {
    const missing = all.filter((method) => !methods.has(method));
    const allow = [...methods].sort().join(', ');
    const refuse = async (request: FastifyRequest): Promise<never> => {
      throw new ApiProblem('method_not_allowed', `${request.method} is not possible here.`, {
        hint: `Possible: ${allow}.`,
        fields: { allow },
      });
    };
    app.route({
      method: missing,
      url,
      schema: { hide: true },
      config: { access: access === 'open' ? 'open' : 'viewer' },
      exposeHeadRoute: false,
      // Before the body is looked at: its type does not matter any more.
      onRequest: refuse,
      handler: refuse,
    });
  }
}
