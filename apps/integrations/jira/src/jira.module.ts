import { Module } from '@nestjs/common';
import { DatabaseModule } from '@qa-pms/database';
import { HTTP_OBSERVER, httpMetrics } from '@qa-pms/http';
import { jiraDatabase } from './jira.database.js';
import { Connections } from './sync/connections.js';
import { SyncService } from './sync/sync.service.js';
import { TicketFetcher } from './sync/ticket-fetcher.js';
import { TicketChangesService } from './tickets/ticket-changes.service.js';
import { TicketStore } from './tickets/ticket.store.js';
import { TicketsMessages } from './tickets/tickets.messages.js';
import { TicketsService } from './tickets/tickets.service.js';
import { Writes } from './tickets/writes.js';

@Module({
  imports: [DatabaseModule.forService(jiraDatabase)],
  controllers: [TicketsMessages],
  providers: [
    { provide: HTTP_OBSERVER, useValue: httpMetrics('jira') },
    Connections,
    SyncService,
    TicketChangesService,
    TicketFetcher,
    TicketsService,
    TicketStore,
    Writes,
  ],
})
export class JiraModule {}
