import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { query, TextField } from '@qa-pms/contracts';
import { DatabaseModule, DatabaseSettings } from '@qa-pms/database';
import { defineService, Handle, MessageBus, runService, SYSTEM } from '@qa-pms/platform';

class Done {
  @TextField({ description: 'What was done.', max: 10 })
  done!: string;
}
class Wait extends query({ service: 'tracking', name: 'wait', reply: Done, permission: null }) {
  @TextField({ description: 'Milliseconds, or forever.', max: 10 })
  how!: string;
}

@Controller()
class ToyRoutes {
  constructor(private readonly bus: MessageBus) {}

  @Get('slow')
  slow(): Promise<Done> {
    return this.ask('1500');
  }

  @Get('hang')
  hang(): Promise<Done> {
    return this.ask('forever');
  }

  @Handle(Wait)
  async wait({ how }: Wait): Promise<Done> {
    if (how === 'forever') await new Promise(() => undefined);
    await sleep(Number(how));
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
