interface Answers {
  $ref?: string;
  content?: Record<string, { schema: { properties?: { code?: { enum?: string[] } } } }>;
}
interface ApiDocument {
  paths: Record<string, Record<string, { responses: Record<string, Answers> }>>;
  components: { responses: Record<string, Answers> };
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
  missing(method: string, address: string, status: number, text: string): string | null {
    const [name = ''] = address.split('?', 1);
    const path = this.paths.find(([pattern]) => pattern.test(name))?.[1] ?? '';
    const responses = this.document.paths[path]?.[method.toLowerCase()]?.responses;
    if (!responses) return null;
    const code = status < 400 ? null : (JSON.parse(text) as { code: string }).code;
    if (code !== null && WITHOUT_ROUTE.includes(code)) return null;
    const listed = responses[status];
    const isListed = listed !== undefined && (code === null || this.codesOf(listed).includes(code));
    return isListed ? null : `${method} ${path} answered ${String(status)} ${code ?? ''}, which is not documented`;
  }

  private codesOf({ $ref, content }: Answers): string[] {
    const shared = this.document.components.responses[$ref?.split('/').at(-1) ?? '']?.content;
    return (content ?? shared)?.['application/json']?.schema.properties?.code?.enum ?? [];
  }
}
