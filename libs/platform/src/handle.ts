import { MessagePattern } from '@nestjs/microservices';
import { type MessageClass, wireName } from '@qa-pms/contracts';

/** Marks the method that handles a message: `@Handle(GetWorkflow) getWorkflow(query: GetWorkflow) {…}`. Its only argument is the payload. */
export function Handle(message: MessageClass): MethodDecorator {
  const { contract } = message;
  return MessagePattern(`${contract.service}.${wireName(contract)}`, { message });
}
