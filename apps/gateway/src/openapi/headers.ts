import type { SchemaObject } from './schemas.js';

/** The example of a request's id, wherever one is shown. */
export const REQUEST_ID = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f';

/** Headers of answers. */
export const HEADERS = {
  'X-Request-Id': header('To find this request in logs: the one it came with, or a new one.', REQUEST_ID),
  ETag: header('Version of the answer: send it as If-Match with the next change.', '"7"'),
  'Retry-After': header('Seconds after which another try may succeed (429, 503, 504).', '1'),
  'Content-Disposition': header('Name of the file.', 'attachment; filename="QA-DEMO-1-report-2026-11-21.md"'),
};

/** Some of them, for one answer. */
export function headersOf(...names: (keyof typeof HEADERS)[]): SchemaObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function header(description: string, example: string): SchemaObject {
  return { description, schema: { type: 'string' }, example };
}
