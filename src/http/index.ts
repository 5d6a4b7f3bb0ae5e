export { ChunkedDecoder, type ChunkSink, chunkHead, filterTrailers } from './chunked.ts';
export { HttpFault } from './fault.ts';
export { HttpDate } from './http-date.ts';
export { Http1Connection } from './http1-connection.ts';
export { buildIdentity, type Identity } from './identity.ts';
export type { AnswerFraming, ResponseHead } from './response-head.ts';
export { ResponseReader } from './response-reader.ts';
export { TunnelEnd, type TunnelSink } from './tunnel-end.ts';
export type {
  AnswerHead,
  ClientStream,
  RequestHandler,
  RequestSink,
  WireDeps,
  WireLimits,
} from './wire.ts';
