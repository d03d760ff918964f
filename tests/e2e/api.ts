import { Documented, Undocumented } from './documented.js';

/** An answer, with its body read. */
export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: HttpAnswer['headers'];
  body: T;
  text: string;
}

interface HttpAnswer {
  status: number;
  headers: Pick<Headers, 'get' | 'entries'>;
  text: () => Promise<string>;
}
type Fetch = (
  url: string,
  options: { method: string; headers: Record<string, string>; body?: string },
) => Promise<HttpAnswer>;

/** The REST API as a script would use it. What its document does not list is no answer. */
export class Api {
  constructor(
    readonly url: string,
    readonly token: string,
    readonly userId: string,
    readonly project: string,
    private readonly documented: Documented,
    private readonly fetch: Fetch = globalThis.fetch,
  ) {}

  /** The same user at another address, or over a connection of their own. */
  at(url: string, fetch?: Fetch): Api {
    return new Api(url, this.token, this.userId, this.project, this.documented, fetch);
  }

  static async signIn(url: string, username: string, password: string, project: string): Promise<Api> {
    const documented = await Documented.at(url);
    const anonymous = new Api(url, '', '', '', documented);
    const { status, body } = await anonymous.post<{ accessToken: string; user: { id: string } }>('/auth/login', {
      username,
      password,
    });
    if (status !== 200) throw new Error(`sign-in of ${username} answered ${String(status)}: ${JSON.stringify(body)}`);
    return new Api(url, body.accessToken, body.user.id, project, documented);
  }

  get<T = Record<string, unknown>>(path: string, headers: Record<string, string> = {}): Promise<Answer<T>> {
    return this.send('GET', path, undefined, headers);
  }

  post<T = Record<string, unknown>>(
    path: string,
    body: unknown = {},
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return this.send('POST', path, body, headers);
  }

  patch<T = Record<string, unknown>>(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    return this.send('PATCH', path, body, headers);
  }

  async send<T>(method: string, path: string, body: unknown, headers: Record<string, string>): Promise<Answer<T>> {
    const address = `/api/v1${path}`;
    const response = await this.fetch(`${this.url}${address}`, {
      method,
      headers: {
        ...(this.token !== '' && { authorization: `Bearer ${this.token}` }),
        ...(this.project !== '' && { 'x-project-id': this.project }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const received = Object.fromEntries(response.headers.entries());
    const missing = this.documented.missing(method, address, { status: response.status, headers: received, text });
    if (missing !== null) throw new Undocumented(`${missing}: ${text.slice(0, 300)}`);
    const isJson = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : null) as T, text };
  }
}
