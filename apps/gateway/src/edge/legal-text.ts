export const ILLEGAL_TEXT = 'must not contain NUL characters or lone surrogates';

/** PostgreSQL stores neither NUL nor lone surrogates. */
export function isLegalText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** Why an address is refused; null where it is legal. Percent-encoded NUL, bytes that are not UTF-8, raw bytes beyond ASCII. */
export function faultOfUrl(url: string): string | null {
  // eslint-disable-next-line no-control-regex -- that is what is looked for
  if (/[^\x21-\x7e]/.test(url)) return 'must be percent-encoded';
  if (!url.includes('%')) return null;
  if (url.includes('%00')) return ILLEGAL_TEXT;
  try {
    decodeURIComponent(url);
    return null;
  } catch {
    return 'has an invalid percent encoding';
  }
}
