import { Controller, Get, Module, Param } from '@nestjs/common';
import { command, event, IntegerField, TextField } from '@qa-pms/contracts';
import { Database, DatabaseModule, DatabaseSettings } from '@qa-pms/database';
import {
  Configuration,
  defineService,
  Handle,
  MessageBus,
  processEnvironment,
  runAsSystem,
  runServices,
  SYSTEM,
} from '@qa-pms/platform';
import type { MigrationInterface, QueryRunner } from 'typeorm';

class Done {
  @TextField({ description: 'What was done, and at which attempt.', max: 100 })
  done!: string;
}
class Append extends command({ service: 'tracking', name: 'append', reply: Done, permission: null, key: 'list' }) {
  @TextField({ description: 'The list.', max: 100 })
  list!: string;
  @IntegerField({ description: 'What is appended.' })
  value!: number;
  @TextField({ description: 'Where its first attempt hangs.', max: 10 })
  hangs!: string;
}
class Appended extends event({ service: 'tracking', name: 'appended', key: 'list' }) {
  @TextField({ description: 'The list.', max: 100 })
  list!: string;
  @IntegerField({ description: 'What is appended.' })
  value!: number;
  @TextField({ description: 'Where its first attempt hangs.', max: 10 })
  hangs!: string;
}

class CreateLists1763700000000 implements MigrationInterface {
  name = 'CreateLists1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const table of ['attempts', 'effects']) {
      await runner.query(`
        CREATE TABLE toy.${table} (
          sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, list text NOT NULL, value integer NOT NULL)`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE toy.effects, toy.attempts');
  }
}

@Controller()
class ToyRoutes {
  constructor(
    private readonly bus: MessageBus,
    private readonly db: Database,
  ) {}

  /** Sends a command: always the same one for a value of a list. */
  @Get('command/:list/:value/:hangs')
  command(@Param() { list, value, hangs }: Record<'list' | 'value' | 'hangs', string>): Promise<Done> {
    const idempotencyKey = { key: `${list} ${value}`, method: 'POST', path: '/command' };
    return this.bus.request(Append, { list, value: Number(value), hangs }, { caller: SYSTEM, idempotencyKey });
  }

  /** Publishes 1, 2 and 3, of which the second hangs. */
  @Get('events/:list/:hangs')
  events(@Param() { list, hangs }: Record<'list' | 'hangs', string>): Promise<Done> {
    return runAsSystem({}, () =>
      this.db.transaction((tx) => {
        for (const value of [1, 2, 3]) tx.publish(Appended, { list, value, hangs: value === 2 ? hangs : 'nowhere' });
        return Promise.resolve({ done: 'published' });
      }),
    );
  }

  @Handle(Append)
  append(one: Append): Promise<Done> {
    return this.apply(one);
  }

  @Handle(Appended)
  async appended(one: Appended): Promise<void> {
    await this.apply(one);
  }

  private async apply({ list, value, hangs }: Append): Promise<Done> {
    const attempt = await this.attempt(list, value);
    const hang = async (where: string): Promise<void> => {
      if (attempt === 1 && where === hangs) await new Promise(() => undefined);
    };
    const reply = await this.db.once(async (tx) => {
      await tx.query('INSERT INTO toy.effects (list, value) VALUES ($1, $2)', [list, value]);
      await hang('before');
      return { done: `${String(value)} at attempt ${String(attempt)}` };
    });
    await hang('after');
    return reply;
  }

  /** Counts the attempts, from 1; what is rolled back counts as well. */
  private attempt(list: string, value: number): Promise<number> {
    return this.db.transaction(async (tx) => {
      await tx.query('INSERT INTO toy.attempts (list, value) VALUES ($1, $2)', [list, value]);
      const sql = 'SELECT count(*)::integer AS count FROM toy.attempts WHERE list = $1 AND value = $2';
      const [row] = await tx.query<{ count: number }>(sql, [list, value]);
      return row?.count ?? 0;
    });
  }
}

const database = { schema: 'toy', entities: [], migrations: [CreateLists1763700000000] };

@Module({ imports: [DatabaseModule.forService(database)], controllers: [ToyRoutes] })
class ToyModule {}

const toy = defineService({ name: 'tracking', module: ToyModule, settings: [DatabaseSettings], database });

// It has all consumers of its events: without Kafka none is left for another process.
await runServices([toy], {
  configuration: await Configuration.load({ environment: processEnvironment(), file: null }),
});
