import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AppError } from '@qa-pms/contracts';
import { BackgroundJobs, gauge, Log, runAsSystem } from '@qa-pms/platform';
import { JiraSettings } from '../jira.settings.js';
import { TicketStore } from '../tickets/ticket.store.js';
import type { TicketRow } from '../tickets/to-ticket.js';
import { type Connection, Connections } from './connections.js';
import { changedJql, wholeJql } from './sync-plan.js';
import { TicketFetcher } from './ticket-fetcher.js';

/** How often it is looked whether a sync is due. */
const TICK_MS = 250;
/** A sync that failed is tried again sooner than the next is due. */
const RETRY_MS = 5_000;
/** Our project may be made a moment after this service starts. */
const PROJECT_RETRY_MS = 250;
const WHOLE_EVERY_MS = 60 * 60_000;
const METRICS_MS = 5_000;

const status = gauge('integration_health_status', 'External system: 2 online, 1 degraded, 0 offline.', ['integration']);
const syncAge = gauge(
  'integration_sync_age_seconds',
  'Age of the last good sync, of the connection that is furthest behind.',
  ['integration'],
);

/** How far one connection is. */
interface Progress {
  connection: Connection;
  dueAt: number;
  /** Start of the last good sync of this process. */
  syncedAt: Date | null;
  wholeAt: number;
  /** What went wrong last, to say each fault once. */
  fault: string | null;
}

/**
 * Keeps the stored tickets as Jira has them: everything at start and every hour, so that what vanished there vanishes
 * here; in between what changed. Several instances may do so at once: the later fetch wins.
 */
@Injectable()
export class SyncService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopping = new AbortController();
  private readonly all: Progress[] = [];

  constructor(
    private readonly connections: Connections,
    private readonly fetcher: TicketFetcher,
    private readonly store: TicketStore,
    private readonly jobs: BackgroundJobs,
    private readonly log: Log,
    private readonly settings: JiraSettings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.connections.all.length === 0) {
      this.log.info({}, 'no Jira site is configured: there are no tickets');
    }
    for (const connection of this.connections.all) {
      const progress: Progress = { connection, dueAt: 0, syncedAt: null, wholeAt: 0, fault: null };
      this.all.push(progress);
      this.jobs.every(TICK_MS, 'sync tickets', () => this.tick(progress));
    }
    if (this.all.length > 0) this.jobs.every(METRICS_MS, 'tell how far the sync is', async () => this.measure());
  }

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  private async tick(progress: Progress): Promise<void> {
    if (this.isStopping() || Date.now() < progress.dueAt) return;
    const { connection } = progress;
    if (connection.projectId === null) await this.findProject(progress);
    if (connection.projectId === null) return;
    const startedAt = new Date();
    try {
      await runAsSystem({ projectId: connection.projectId }, () => this.sync(progress, startedAt));
      if (progress.fault !== null) this.log.info({ siteUrl: connection.siteUrl }, 'tickets are synced again');
      progress.fault = null;
      progress.dueAt = startedAt.getTime() + this.intervalMs;
    } catch (error) {
      if (this.isStopping()) return;
      this.failed(progress, error);
    }
  }

  private measure(): void {
    const ages = this.all.map(({ syncedAt }) =>
      syncedAt === null ? Infinity : (Date.now() - syncedAt.getTime()) / 1_000,
    );
    const age = Math.max(...ages);
    // As for `freshness.stale`: older than two intervals.
    const isStale = age > 2 * this.settings.syncSeconds;
    const isFaulty = this.all.some(({ fault }) => fault !== null);
    const integration = { service: 'jira', integration: 'jira' };
    status.set(integration, isStale ? 0 : isFaulty ? 1 : 2);
    if (Number.isFinite(age)) syncAge.set(integration, age);
  }

  private isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private get intervalMs(): number {
    return this.settings.syncSeconds * 1000;
  }

  private failed(progress: Progress, error: unknown): void {
    const refused = error instanceof AppError && error.code === 'UPSTREAM_REFUSED';
    // Not its details: the seconds that are left until a next try differ each time.
    const fault = error instanceof AppError ? `${error.code} ${String(error.details['status'])}` : String(error);
    progress.dueAt = Date.now() + (refused ? this.intervalMs : Math.min(RETRY_MS, this.intervalMs));
    if (fault === progress.fault) return;
    progress.fault = fault;
    const facts = { siteUrl: progress.connection.siteUrl, err: error };
    if (refused) this.log.error(facts, 'Jira refuses our credentials: tickets are not synced');
    else this.log.warn(facts, 'tickets could not be synced: trying again');
  }

  private async findProject(progress: Progress): Promise<void> {
    const { connection } = progress;
    let code = 'PROJECT_NOT_FOUND';
    try {
      await this.connections.findProject(connection);
    } catch (error) {
      code = error instanceof AppError ? error.code : String(error);
    }
    if (connection.projectId !== null) return;
    progress.dueAt = Date.now() + PROJECT_RETRY_MS;
    const { project } = connection.settings;
    if (code !== progress.fault) this.log.info({ project, code }, 'waiting for the project that tickets belong to');
    progress.fault = code;
  }

  private async sync(progress: Progress, startedAt: Date): Promise<void> {
    const { connection, syncedAt } = progress;
    const { signal } = this.stopping;
    const isWhole = syncedAt === null || startedAt.getTime() - progress.wholeAt >= WHOLE_EVERY_MS;
    const configured = connection.settings.projectKeys;
    const keys = configured.length > 0 ? configured : await connection.client.projectKeys({ signal });
    connection.keys = new Set(keys);
    const jql = isWhole ? wholeJql(keys) : changedJql(keys, syncedAt, startedAt);
    // A list of no projects is no JQL.
    const seen = keys.length === 0 ? [] : await this.fetchAll(connection, jql);
    if (isWhole) await this.removeVanished(connection, seen, startedAt);
    await this.store.synced(connection.siteUrl, startedAt);
    progress.syncedAt = startedAt;
    if (!isWhole) return;
    progress.wholeAt = startedAt.getTime();
    const tookMs = Date.now() - startedAt.getTime();
    this.log.info({ siteUrl: connection.siteUrl, tickets: seen.length, tookMs }, 'all tickets synced');
  }

  /** Keeps what a search finds, page by page; answers the keys. */
  private async fetchAll(connection: Connection, jql: string): Promise<string[]> {
    const seen: string[] = [];
    const { signal } = this.stopping;
    let token: string | null = null;
    do {
      const askedAt = new Date();
      const page = await connection.client.search(jql, token, { signal });
      const rows: TicketRow[] = [];
      for (const issue of page.issues) rows.push(await this.fetcher.toRow(connection, issue, { signal }));
      await this.store.keep(connection.siteUrl, rows, askedAt);
      seen.push(...rows.map((row) => row.key));
      token = page.nextPageToken;
    } while (token !== null);
    return seen;
  }

  private async removeVanished(connection: Connection, seen: string[], startedAt: Date): Promise<void> {
    const own = await this.connections.of(connection.projectId ?? '');
    const sites = own.map((one) => one.siteUrl);
    const removed = await this.store.removeVanished(connection.siteUrl, seen, startedAt, sites);
    if (removed > 0)
      this.log.info({ siteUrl: connection.siteUrl, removed }, 'tickets that Jira no longer has were removed');
  }
}
