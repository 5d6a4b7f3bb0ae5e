export { announcedFault, hasBody } from './body-reader.ts';
export { ChunkedDecoder, type ChunkSink, chunkHead, filterTrailers } from './chunked.ts';
export { ExchangePace } from './exchange-pace.ts';
export { Farewell } from './farewell.ts';
export { HttpFault } from './fault.ts';
export { fieldValue, fieldValues, linesOf, pairsOf } from './field-pairs.ts';
export { HeadReader, type WholeHead } from './head-reader.ts';
export { HttpDate } from './http-date.ts';
export { Http1Connection } from './http1-connection.ts';
export { closingAnswer } from './http1-stream.ts';
export { buildIdentity, type Identity } from './identity.ts';
export { AnswerPace, BodyPace } from './pace.ts';
export { parseRequestFields, type RequestFields } from './request-fields.ts';
export { buildRequestHead, type RequestHead } from './request-head.ts';
export { type AnswerFraming, parseResponseFields, ResponseHead } from './response-head.ts';
export { ResponseReader, SharedHead } from './response-reader.ts';
export { isTargetText, isToken } from './syntax.ts';
export { TunnelEnd, type TunnelSink, type TunnelSocket } from './tunnel-end.ts';
export { WaitingBytes } from './waiting-bytes.ts';
export {
  type AnswerHead,
  type ClientStream,
  LAST_REQUEST_MS,
  type RequestHandler,
  type RequestSink,
  type WireDeps,
  type WireLimits,
} from './wire.ts';
