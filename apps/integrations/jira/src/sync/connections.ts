import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { AppError } from '@qa-pms/contracts';
import { HTTP_OBSERVER, type HttpClient, type HttpObserver } from '@qa-pms/http';
import { Log, RedisConnection, requireProject } from '@qa-pms/platform';
import { JiraClient, jiraSite } from '../jira.client.js';
import { type JiraConnection, JiraHttpSettings, JiraSettings, connectionsOf } from '../jira.settings.js';

/** A connected site. */
export class Connection {
  readonly client: JiraClient;
  /** Id of our project, once identity has told it. */
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

  /** Those of a project. */
  of(projectId: string): Connection[] {
    return this.all.filter((connection) => connection.projectId === projectId);
  }

  /** The one of the current project that a ticket is behind, or undefined. */
  find(ticketKey: string): Connection | undefined {
    return this.of(requireProject()).find((connection) => connection.covers(ticketKey));
  }

  /** The same. Throws TICKET_NOT_FOUND. */
  get(ticketKey: string): Connection {
    const connection = this.find(ticketKey);
    if (!connection) throw new AppError('TICKET_NOT_FOUND', { key: ticketKey });
    return connection;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.sites.values()].map((site) => site.close()));
  }
}
