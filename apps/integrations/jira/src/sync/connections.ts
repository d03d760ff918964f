import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { AppError, FindProject } from '@qa-pms/contracts';
import { HTTP_OBSERVER, type HttpClient, type HttpObserver } from '@qa-pms/http';
import { Log, MessageBus, RedisConnection, requireProject } from '@qa-pms/platform';
import { JiraClient, jiraSite } from '../jira.client.js';
import { type JiraConnection, JiraHttpSettings, JiraSettings, connectionsOf } from '../jira.settings.js';

/** Identity looks it up by an index. */
const FIND_PROJECT_MS = 2_000;

/** A connected site. */
export class Connection {
  readonly client: JiraClient;
  /** Id of our project; null until identity has told it, and where there is none. */
  projectId: string | null = null;
  /** Keys of the Jira projects that are read; null until it is known what the account sees. */
  keys: ReadonlySet<string> | null;

  constructor(
    readonly settings: JiraConnection,
    site: HttpClient,
  ) {
    this.client = new JiraClient(site, settings);
    this.keys = settings.projectKeys.length > 0 ? new Set(settings.projectKeys) : null;
  }

  get siteUrl(): string {
    return this.settings.siteUrl;
  }

  /** Whether tickets with this key may be read through it. */
  covers(ticketKey: string): boolean {
    return this.keys?.has(ticketKey.slice(0, ticketKey.lastIndexOf('-'))) ?? true;
  }
}

/** The sites that are connected. */
@Injectable()
export class Connections implements OnApplicationShutdown {
  readonly all: Connection[];
  /** By address: the accounts of a site share what protects it. */
  private readonly sites = new Map<string, HttpClient>();

  constructor(
    settings: JiraSettings,
    http: JiraHttpSettings,
    private readonly bus: MessageBus,
    log: Log,
    @Optional() @Inject(HTTP_OBSERVER) observer?: HttpObserver,
    @Optional() @Inject(RedisConnection) redis?: RedisConnection | null,
  ) {
    this.all = connectionsOf(settings).map((one) => {
      const site = this.sites.get(one.siteUrl) ?? jiraSite(one.siteUrl, http, { observer, log, redis });
      this.sites.set(one.siteUrl, site);
      return new Connection(one, site);
    });
  }

  /** Those of a project. Errors: UPSTREAM_*. */
  async of(projectId: string): Promise<Connection[]> {
    // Requests may be ahead of the first sync.
    const unknown = this.all.filter((connection) => connection.projectId === null);
    await Promise.all(unknown.map((connection) => this.findProject(connection)));
    return this.all.filter((connection) => connection.projectId === projectId);
  }

  /** The one of the current project that a ticket is behind. Errors: TICKET_NOT_FOUND, UPSTREAM_*. */
  async get(ticketKey: string): Promise<Connection> {
    const own = await this.of(requireProject());
    const connection = own.find((one) => one.covers(ticketKey));
    if (!connection) throw new AppError('TICKET_NOT_FOUND', { key: ticketKey });
    return connection;
  }

  /** Asks identity which project is meant; there may be none yet. Errors: UPSTREAM_*. */
  async findProject(connection: Connection): Promise<void> {
    const { project: key } = connection.settings;
    try {
      const { id } = await this.bus.request(FindProject, { key }, { timeoutMs: FIND_PROJECT_MS });
      connection.projectId = id;
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'PROJECT_NOT_FOUND')) throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.sites.values()].map((site) => site.close()));
  }
}
