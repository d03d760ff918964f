import { once } from 'node:events';
import { Controller, Get, Module } from '@nestjs/common';
import { query, TextField } from '@qa-pms/contracts';
import { DatabaseModule, DatabaseSettings } from '@qa-pms/database';
import { defineService, Handle, Log, MessageBus, runService, SYSTEM } from '@qa-pms/platform';

class Done {
  @TextField({ description: 'What was done.', max: 10 })
  done!: string;
}
class Wait extends query({ service: 'tracking', name: 'wait', reply: Done, permission: null }) {
  @TextField({ description: 'For a signal, or forever.', max: 10 })
  how!: string;
}

@Controller()
class ToyRoutes {
  constructor(
    private readonly bus: MessageBus,
    private readonly log: Log,
  ) {}

  @Get('slow')
  slow(): Promise<Done> {
    return this.ask('SIGUSR2');
  }

  @Get('hang')
  hang(): Promise<Done> {
    return this.ask('forever');
  }

  @Handle(Wait)
  async wait({ how }: Wait): Promise<Done> {
    this.log.info({ how }, 'waits');
    if (how === 'forever') await new Promise(() => undefined);
    await once(process, how);
    return { done: how };
  }

  private ask(how: string): Promise<Done> {
    return this.bus.request(Wait, { how }, { caller: SYSTEM });
  }
}

const database = { schema: 'toy', entities: [], migrations: [] };

@Module({ imports: [DatabaseModule.forService(database)], controllers: [ToyRoutes] })
class ToyModule {}

/** A service with a database, for tests of its health and of its end. */
export const toyService = defineService({
  name: 'tracking',
  module: ToyModule,
  settings: [DatabaseSettings],
  database,
});

// Run by itself it is a process of its own: `node --import tools/typescript-hooks.js toy-service.ts`.
if (process.argv[1] === import.meta.filename) void runService(toyService);
