import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { processEnvironment } from '@qa-pms/platform';
import { type JiraSimulator, startJiraSimulator } from '@qa-pms/simulators';
import { OpenAPIBackend, type Request } from 'openapi-backend';
import type { HttpClient } from '@qa-pms/http';
import { JiraClient, jiraSite } from '../src/jira.client.js';
import { JiraHttpSettings } from '../src/jira.settings.js';
import { wholeJql } from '../src/sync/sync-plan.js';
import { markdownToAdf } from '../src/text/markdown-to-adf.js';

const CREDENTIALS = { email: 'qa@example.com', apiToken: 'token' };
const folder =
  processEnvironment()['UPSTREAM_DOCUMENTS'] ?? resolve(import.meta.dirname, '../../../../../shared/upstream');
const path = join(folder, 'jira/jira-cloud-v3.openapi.json');

/** Everything that passed between the client and the simulator, with what the document says against it. */
interface Exchange {
  call: string;
  status: number;
  faults: string[];
}

/** Checks every request and every reply on its way. */
class CheckingProxy {
  readonly exchanges: Exchange[] = [];
  private server!: Server;

  constructor(
    private readonly document: OpenAPIBackend,
    private readonly target: string,
  ) {}

  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      void this.forward(request).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      });
    });
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async forward(request: IncomingMessage): Promise<{ status: number; body: string }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks).toString();
    const { method = 'GET', url = '/' } = request;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const reply = await fetch(`${this.target}${url}`, {
      method,
      headers: without(headers),
      ...(sent && { body: sent }),
    });
    const body = await reply.text();
    this.exchanges.push({
      call: `${method} ${url.split('?')[0] ?? ''}`,
      status: reply.status,
      faults: this.faultsOf(
        { method, path: url, headers, ...(sent && { body: JSON.parse(sent) as object }) },
        reply.status,
        body,
      ),
    });
    return { status: reply.status, body };
  }

  private faultsOf(request: Request, status: number, body: string): string[] {
    const operation = this.document.matchOperation(request);
    if (!operation?.operationId) return ['the document has no such operation'];
    const faults: string[] = [];
    if (status < 400) {
      const asked = this.document.validateRequest(request, operation);
      faults.push(...(asked.errors ?? []).map((error) => `request${error.instancePath} ${String(error.message)}`));
    }
    const responses = operation.responses as Record<string, { content?: object }>;
    if (!responses[String(status)]) return [...faults, `status ${String(status)} is not in the document`];
    if (!responses[String(status)]?.content || body === '') return faults;
    const answered = this.document.validateResponse(JSON.parse(body), operation, status);
    return [
      ...faults,
      ...(answered.errors ?? []).map((error) => `reply${error.instancePath} ${String(error.message)}`),
    ];
  }
}

function without(headers: Record<string, string>): Record<string, string> {
  const {
    host: _host,
    connection: _connection,
    'content-length': _length,
    'transfer-encoding': _encoding,
    ...rest
  } = headers;
  return rest;
}

describe('the official document of Jira Cloud', () => {
  let jira: JiraSimulator;
  let proxy: CheckingProxy;
  let site: HttpClient;
  let client: JiraClient;
  let proxyUrl: string;

  beforeAll(async () => {
    if (!existsSync(path))
      throw new Error(`${path} is missing: set UPSTREAM_DOCUMENTS to the folder of the documents.`);
    const document = new OpenAPIBackend({
      definition: JSON.parse(readFileSync(path, 'utf8')) as object as never,
      quick: true,
      ajvOpts: { strict: false, logger: false, formats: { int32: true, int64: true, double: true, float: true } },
    });
    await document.init();
    jira = await startJiraSimulator(CREDENTIALS);
    proxy = new CheckingProxy(document, jira.url);
    proxyUrl = await proxy.start();
    site = jiraSite(proxyUrl, Object.assign(new JiraHttpSettings(), { privateHosts: ['127.0.0.1'] }));
    client = new JiraClient(site, CREDENTIALS);
  }, 60_000);

  afterAll(async () => {
    await site.close();
    proxy.stop();
    await jira.stop();
  });

  afterEach(() => {
    const wrong = proxy.exchanges.splice(0).filter((exchange) => exchange.faults.length > 0);
    expect(wrong).toEqual([]);
  });

  it('knows our search and its replies', async () => {
    await client.search(wholeJql(['DEMO']), null);
    await expect(client.search('colour = red', null)).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });

    expect(proxy.exchanges.map((one) => one.status)).toEqual([200, 400]);
  });

  it('knows how we read an issue, its comments and transitions, and the projects', async () => {
    await client.issue('DEMO-1');
    await client.issue('DEMO-999');
    await client.comments('DEMO-1', 10);
    await client.transitions('DEMO-1');
    await client.projectKeys();

    expect(proxy.exchanges.map((one) => one.status)).toEqual([200, 404, 200, 200, 200]);
  });

  it('knows how we move and comment an issue', async () => {
    await client.applyTransition('DEMO-1', '10003');
    const comment = await client.addComment('DEMO-1', markdownToAdf('**Passed**'), [
      { key: 'mark', value: { id: '1' } },
    ]);
    await client.commentsWithProperties([comment.id]);

    expect(proxy.exchanges.map((one) => one.status)).toEqual([204, 201, 200]);
  });

  it.each([
    ['POST', '/rest/api/3/search/approximate-count', { jql: 'project = DEMO' }],
    ['POST', '/rest/api/3/issue/bulkfetch', { issueIdsOrKeys: ['DEMO-1'], fields: ['summary'] }],
    ['POST', '/rest/api/3/issue/DEMO-1/worklog', { timeSpentSeconds: 120, started: '2026-01-17T12:34:00.000+0000' }],
    ['GET', '/rest/api/3/issue/DEMO-1/worklog', undefined],
    ['GET', '/rest/api/3/myself', undefined],
    ['GET', '/rest/api/3/search/jql?jql=project%20%3D%20DEMO&fields=summary', undefined],
  ])('knows what the simulator answers to %s %s', async (method, route, body) => {
    const authorization = `Basic ${Buffer.from('qa@example.com:token').toString('base64')}`;

    const reply = await fetch(`${proxyUrl}${route}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });

    expect(reply.status).toBeLessThan(300);
  });
});
