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
