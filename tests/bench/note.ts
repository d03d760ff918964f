import { command, EnumField, IdField, IntegerField, TextField, TextListField } from '@qa-pms/contracts';

class Noted {
  @IdField({ description: 'Which.' })
  id!: string;
}

/** A change as the API has many; bare-fastify.js checks the same with ajv alone. */
export class PutNote extends command({
  service: 'gateway',
  name: 'put-note',
  key: 'id',
  reply: Noted,
  permission: 'tickets:read',
}) {
  @IdField({ description: 'Which.' })
  id!: string;
  @TextField({ description: 'Title.', max: 200 })
  title!: string;
  @TextField({ description: 'Text.', max: 5_000 })
  text!: string;
  @IntegerField({ description: 'Minutes it took.', min: 0, max: 1_440 })
  minutes!: number;
  @EnumField({ description: 'Outcome.', values: ['passed', 'failed', 'blocked'] })
  outcome!: string;
  @TextListField({ description: 'Tags.', max: 30 })
  tags!: string[];
}

export const NOTE_ID = '0198c5b0-7d7e-7c3a-9d2f-0a1b2c3d4e5f';
export const NOTE = {
  title: 'Checkout with an expired card',
  text: 'The form says what is wrong and keeps what was typed. '.repeat(4),
  minutes: 12,
  outcome: 'passed',
  tags: ['checkout', 'card'],
};
