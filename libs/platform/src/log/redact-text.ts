/** Stands where a secret stood. */
export const REDACTED = '[redacted]';

/** Longest text of a log line; more is cut. Stacks with their causes are shorter. */
const MAX_TEXT = 16_384;

/** What a secret in a text comes with; nearly every text is done with after this one look. */
const SUSPECT =
  /:\/\/|eyJ|qa_|ATATT|PMAK|bearer|basic|digest|negotiate|pass|pwd|secret|token|jwt|key|authori|cookie|credential|(?:code|state|auth|sig|signature)[=%]/i;

// Each pattern below needs time in proportion to the text, whatever stands in it: texts come from outside.
/** User name and password before the host of an address. Greedy: a password may hold `@`. */
const USER_INFO = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>]*@/gi;
/** JSON Web Tokens; `eyJ` is `{"` in base64. */
const JWT = /\beyJ[\w-]{5,2000}\.[\w-]+(?:\.[\w-]*)*/g;
/** Credentials after their scheme: RFC 9110, section 11.4. */
const SCHEME = /\b(Bearer|Basic|Digest|Negotiate)(\s{1,4})([\w.~+/=-]{6,})/gi;
/** Keys that tell what they are: ours (256 bits), Atlassian's, Postman's. Shorter ones are names, as `qa_pms_runtime`. */
const PREFIXED = /\b(?:qa_[\w-]{24,}|ATATT[\w=-]{8,}|PMAK-[\w-]{8,})/g;
/** Private keys as files hold them, also one that was cut. */
const PEM = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY[^]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----|$)/g;
/** A value in quotation marks. In a JSON text within others they, and what ends it, stand behind as many backslashes. */
const QUOTED = String.raw`(?<escape>\\*)"[^]*?(?:(?<!\\)\k<escape>"|$)|'[^']*'?`;
/** The whole of these headers is secret, up to the end of the line where the value does not begin in quotation marks. */
const HEADER = new RegExp(String.raw`(authorization|cookie)(\\*["']?\s{0,4}[:=]\s{0,4})(?:${QUOTED}|[^\r\n]+)`, 'gi');
/** Parameters that are secrets in a query or a form only, with their values. */
const IN_QUERY = String.raw`((?:code|state|key|(?:x-[a-z]{1,10}-)?sig(?:nature)?|auth)(?:=|%(?:25)*3D))[^\s&#"'<>]+`;
/** In a query, also of an address within an address. */
const PARAMETER = new RegExp(String.raw`([?&#]|%(?:25)*(?:3F|26))${IN_QUERY}`, 'gi');
/** The first of a form: others follow. */
const FIELD = new RegExp(String.raw`(?<![\w-])${IN_QUERY}(?=&)`, 'gi');
/** `name=value`, `name: value`, `"name": "value"`, the same within a JSON text, and PostgreSQL's `(name)=(value)`. */
const NAMED = new RegExp(
  String.raw`((?:pass(?:word|wd|phrase|(?![\w-]))|pwd|secret|token|jwt|credential|(?:api[_-]?|(?:encryption|master|signing|private|previous)[_.-]?)key)[\w-]{0,40})` +
    String.raw`(\\*["')\]]{0,2}\s{0,4}(?:[=:]|%(?:25)*3D)\s{0,4})(${QUOTED}|\([^)]*\)?|[^\s,;&"'<>)}\]]+)`,
  'gi',
);

/** A word of a sentence rather than a secret: "Basic authentication", "name or password: look at …". */
const WORD = /^[a-z]{1,16}[.,:;]?$/;

/** A text without the secrets in it: tokens, credentials of addresses and headers, values after a secret's name. */
export function redactText(text: string): string {
  const shown = cut(text);
  if (shown.length < 6 || !SUSPECT.test(shown)) return shown;
  return shown
    .replace(USER_INFO, `$1${REDACTED}@`)
    .replace(JWT, REDACTED)
    .replace(PREFIXED, REDACTED)
    .replace(PEM, REDACTED)
    .replace(SCHEME, (all: string, scheme: string, space: string, value: string) =>
      WORD.test(value) ? all : `${scheme}${space}${REDACTED}`,
    )
    .replace(HEADER, `$1$2${REDACTED}`)
    .replace(PARAMETER, `$1$2${REDACTED}`)
    .replace(FIELD, `$1${REDACTED}`)
    .replace(NAMED, (all: string, name: string, between: string, value: string) =>
      value.startsWith(REDACTED.slice(0, -1)) || (/:\s+$/.test(between) && WORD.test(value))
        ? all
        : `${name}${between}${REDACTED}`,
    );
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… [cut]` : text;
}

/**
 * A text of PostgreSQL's without values: `Key (name)=(value)`, `Failing row contains (…)`, `parameter $1 = '…'`,
 * `invalid input syntax for type uuid: "…"`. What it calls by name, in `"…"` elsewhere, stays.
 */
export function sqlText(text: string): string {
  return cut(text)
    .replace(/=\([^\n]*/g, `=(${REDACTED})`)
    .replace(/contains \([^\n]*/g, `contains (${REDACTED})`)
    .replace(/'(?:[^'\n]|'')*'/g, `'${REDACTED}'`)
    .replace(/: "[^\n]*/g, `: "${REDACTED}"`);
}

/** A URL for logs and spans: without user name and password, and with the names of its query's parameters only. */
export function redactUrl(url: string | URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.hash = '';
  const names = [...shown.searchParams.keys()];
  // Values may be tokens or what people wrote. REDACTED is OpenTelemetry's word (attribute url.full).
  shown.search = new URLSearchParams(Object.fromEntries(names.map((name) => [name, 'REDACTED']))).toString();
  return shown.href;
}
