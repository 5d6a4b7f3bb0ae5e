import { isIP } from 'node:net';
import { quote } from '../units.ts';
import { filePath, isDnsName, isMapping, noun, oneOrMany, text } from './basics.ts';

function certificateNameProblem(value: string): string | undefined {
  const bare = value.startsWith('*.') ? value.slice(2) : value;
  if (isIP(value) > 0 || isDnsName(bare)) return undefined;
  return `${quote(value)} is not a host name or an IP address.`;
}

/** `{ cert, key }` or `{ self_signed: [names] }`. */
export const certificate = noun({
  cert: filePath()
    .optional()
    .describe('PEM file with the certificate, followed by those that link it to its authority.'),
  key: filePath().optional().describe('PEM file with its private key, not encrypted.'),
  self_signed: oneOrMany(text(certificateNameProblem))
    .optional()
    .describe(
      'For development: names that Sluice makes a certificate for, signed by an authority of its own.',
    ),
}).refine(
  (spec) =>
    spec.self_signed === undefined
      ? spec.cert !== undefined && spec.key !== undefined
      : spec.cert === undefined && spec.key === undefined,
  {
    message: 'A certificate is either { cert: shop.crt, key: shop.key } or { self_signed: [localhost] }.',
    when: isMapping,
  },
);
