interface Answers {
  $ref?: string;
  headers?: Record<string, unknown>;
  content?: Record<string, { schema: { properties?: { code?: { enum?: string[] } } } }>;
}
interface ApiDocument {
  paths: Record<string, Record<string, { responses: Record<string, Answers> }>>;
  components: { headers: Record<string, unknown>; responses: Record<string, Answers> };
}
/** An answer as it came: each header by its name in small letters. */
interface Received {
  status: number;
  headers: Record<string, unknown>;
  text: string;
}

/** Refusals of what is no HTTP request that a route could be found for. */
const WITHOUT_ROUTE = ['MALFORMED_REQUEST', 'REQUEST_TIMEOUT', 'HEADERS_TOO_LARGE'];

/** An answer that the API document does not list. */
export class Undocumented extends Error {}

/** What the API document lists for each operation, to hold answers against. */
export class Documented {
  /** Fixed names before parameters, as routes are found. */
  private readonly paths: [pattern: RegExp, path: string][];

  constructor(private readonly document: ApiDocument) {
    // `{` comes after all letters.
    const paths = Object.keys(document.paths).sort();
    this.paths = paths.map((path) => [new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`), path]);
  }

  static async at(url: string): Promise<Documented> {
    const answer = await fetch(`${url}/api/v1/openapi.json`);
    return new Documented((await answer.json()) as ApiDocument);
  }

  /** What the document does not list of an answer; null where it lists all, or has no such operation. */
  missing(method: string, address: string, { status, headers, text }: Received): string | null {
    const [name = ''] = address.split('?', 1);
    const path = this.paths.find(([pattern]) => pattern.test(name))?.[1] ?? '';
    const responses = this.document.paths[path]?.[method.toLowerCase()]?.responses;
    if (!responses) return null;
    const code = status < 400 ? null : (JSON.parse(text) as { code: string }).code;
    if (code !== null && WITHOUT_ROUTE.includes(code)) return null;
    const listed = responses[status];
    const answers = listed?.$ref ? this.document.components.responses[listed.$ref.split('/').at(-1) ?? ''] : listed;
    const codes = answers?.content?.['application/json']?.schema.properties?.code?.enum ?? [];
    const isListed = answers !== undefined && (code === null || codes.includes(code));
    const said = `${method} ${path} answered ${String(status)} ${code ?? ''}`;
    if (!isListed) return `${said}, which is not documented`;
    // Those that the document knows: the edge sends many more, which are the business of HTTP.
    const known = Object.keys(this.document.components.headers);
    const unlisted = known.filter(
      (header) => headers[header.toLowerCase()] !== undefined && !answers.headers?.[header],
    );
    return unlisted.length === 0 ? null : `${said} with ${unlisted.join()}, which is not documented`;
  }
}
