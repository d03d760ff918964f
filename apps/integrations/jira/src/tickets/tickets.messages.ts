import { Controller } from '@nestjs/common';
import { AddComment, ApplyTransition, GetTicket, ListTickets, ListTransitions } from '@qa-pms/contracts';
import { Handle } from '@qa-pms/platform';
import { TicketChangesService } from './ticket-changes.service.js';
import { TicketsService } from './tickets.service.js';

@Controller()
export class TicketsMessages {
  constructor(
    private readonly tickets: TicketsService,
    private readonly changes: TicketChangesService,
  ) {}

  @Handle(ListTickets) listTickets(query: ListTickets) {
    return this.tickets.list(query);
  }

  @Handle(GetTicket) getTicket(query: GetTicket) {
    return this.tickets.get(query.key);
  }

  @Handle(ListTransitions) listTransitions(query: ListTransitions) {
    return this.changes.transitions(query.key);
  }

  @Handle(ApplyTransition) applyTransition(command: ApplyTransition) {
    return this.changes.apply(command);
  }

  @Handle(AddComment) addComment(command: AddComment) {
    return this.changes.comment(command);
  }
}
