/**
 * The check digit of an ISBN-13: weights 1 and 3 in turn, the sum of all thirteen digits divisible by ten
 * (ISO 2108:2017, annex C).
 * @param first12 exactly twelve decimal digits
 */
export function isbn13CheckDigit(first12: string): number {
  let sum = 0;
  for (let at = 0; at < 12; at++) sum += (first12.charCodeAt(at) - 48) * (at % 2 === 0 ? 1 : 3);
  return (10 - (sum % 10)) % 10;
}

/**
 * The thirteen digits of an ISBN-13 that may be written with hyphens or spaces; undefined when it has
 * another length, a prefix that is not 978 or 979, or a wrong check digit.
 */
export function parseIsbn13(text: string): string | undefined {
  const digits = text.replace(/[-\s]/g, '');
  if (!/^97[89]\d{10}$/.test(digits)) return undefined;
  return isbn13CheckDigit(digits) === digits.charCodeAt(12) - 48 ? digits : undefined;
}

/**
 * An ISBN-13 that no real book bears: 979-9 is a registration group that the International ISBN Agency has
 * not assigned. The seed and the client's examples take their numbers from here.
 * @param number 0–99 999 999
 */
export function inventedIsbn(number: number): string {
  const first12 = `9799${String(number).padStart(8, '0')}`;
  return `${first12}${isbn13CheckDigit(first12)}`;
}
