export { type ApiKeyOptions, ApiKeys, KeyRing, type TenantOptions } from './api-keys.ts';
export { type BasicOptions, BasicUsers } from './basic.ts';
export { AccessBook } from './book.ts';
export { CORS_FIELDS, Cors, type CorsOptions } from './cors.ts';
export { ForwardAuth, type ForwardOptions } from './forward-auth.ts';
export { Jwt, type JwtOptions } from './jwt.ts';
export { LocalKeySet, RemoteKeySet } from './key-set.ts';
export type { AccessRequest, Authenticator, Verdict } from './verdict.ts';
