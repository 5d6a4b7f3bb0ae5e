/** Content codings of answers (RFC 9110 section 8.4.1): whether an answer is compressed, how, and the doing of it. */
export { AnswerEncoder, type AnswerFilter, type AnswerSink, type EncoderEvents } from './answer-encoder.ts';
export {
  type Coding,
  type CompressionOptions,
  CompressionRule,
  codedHead,
} from './compression-rule.ts';
export { EncoderPlaces } from './encoder-places.ts';
export { negotiate } from './negotiate.ts';
export { encodeWhole } from './whole.ts';
