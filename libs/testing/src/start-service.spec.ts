import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Module } from '@nestjs/common';
import { AppError, command, event, query, TextField } from '@qa-pms/contracts';
import { Database, DatabaseModule } from '@qa-pms/database';
import { defineService, Handle, MessageBus, requireProject } from '@qa-pms/platform';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { startService, type TestService } from './start-service.js';
import { stub } from './stub.js';
import { testCaller } from './test-caller.js';
import { startTestDatabase, type TestDatabase } from './test-database.js';

class Word {
  @TextField({ description: 'A word.', max: 100 })
  word!: string;
}
class GetWord extends query({ service: 'jira', name: 'get-word', reply: Word }) {
  @TextField({ description: 'Which.', max: 100 })
  id!: string;
}
class Say extends command({ service: 'workflow', name: 'say', reply: Word, key: 'id', permission: 'workflows:write' }) {
  @TextField({ description: 'Which.', max: 100 })
  id!: string;
}
class Said extends event({ service: 'workflow', name: 'said', key: 'word' }) {
  @TextField({ description: 'A word.', max: 100 })
  word!: string;
}
class Heard extends event({ service: 'jira', name: 'heard', key: 'word' }) {
  @TextField({ description: 'A word.', max: 100 })
  word!: string;
}

@Controller()
class ToyMessages {
  constructor(
    private readonly bus: MessageBus,
    private readonly database: Database,
  ) {}

  @Handle(Say)
  async say({ id }: Say): Promise<Word> {
    const { word } = await this.bus.request(GetWord, { id });
    return this.database.once((tx) => {
      tx.publish(Said, { word: `${word} in ${requireProject()}` });
      return Promise.resolve({ word });
    });
  }

  @Handle(Heard)
  onHeard({ word }: Heard): Promise<void> {
    return this.database.once((tx) => {
      tx.publish(Said, { word: `heard ${word}` });
      return Promise.resolve();
    });
  }
}

const database = { schema: 'toy', entities: [], migrations: [] };

@Module({ imports: [DatabaseModule.forService(database)], controllers: [ToyMessages] })
class ToyModule {}

describe('a service under test', () => {
  const projectId = randomUUID();
  const caller = testCaller({ projectId, roles: ['qa'] });
  let testDatabase: TestDatabase;
  let service: TestService;

  beforeAll(async () => {
    testDatabase = await startTestDatabase();
    service = await startService(defineService({ name: 'workflow', module: ToyModule, settings: [], database }), {
      databaseUrl: testDatabase.url,
      stubs: [
        stub(GetWord, ({ id }) => {
          if (id === 'none') throw new AppError('TICKET_NOT_FOUND', { key: id });
          return { word: `word ${id}` };
        }),
      ],
    });
  });
  afterAll(async () => {
    await service.stop();
    await testDatabase.stop();
  });

  it('answers requests, asks stubs and publishes', async () => {
    const reply = await service.request(Say, { id: '1' }, { caller });

    expect(reply).toEqual({ word: 'word 1' });
    expect(await service.published(Said)).toContainEqual({ word: `word 1 in ${projectId}` });
  });

  it('gets the errors of stubs as those of a service', async () => {
    await expect(service.request(Say, { id: 'none' }, { caller })).rejects.toMatchObject({ code: 'TICKET_NOT_FOUND' });
  });

  it('holds callers to their permissions', async () => {
    const stranger = testCaller({ projectId, roles: ['user'] });

    await expect(service.request(Say, { id: '2' }, { caller: stranger })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('handles an event once, however often it is delivered', async () => {
    const messageId = randomUUID();

    await service.deliver(Heard, { word: 'once' }, { messageId });
    await service.deliver(Heard, { word: 'once' }, { messageId });

    const published = await service.published(Said);
    expect(published.filter(({ word }) => word === 'heard once')).toHaveLength(1);
  });

  it('tells of an event that went to the dead letters', async () => {
    // A dead letter of the same key waits there: what follows goes after it at once.
    await service.get(DataSource).query(
      `INSERT INTO toy.dead_letters (message_id, topic, key, headers, body)
       VALUES ($1, 'qa.jira.events', 'parked', '{}', '{}')`,
      [randomUUID()],
    );

    await expect(service.deliver(Heard, { word: 'parked' })).rejects.toThrow(/dead letters/);
  });
});
