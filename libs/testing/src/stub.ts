import { AppError, type ReplyOf, type RequestClass, type ServiceName, wireName } from '@qa-pms/contracts';
import { type Caller, contextOfRequest, type Envelope, type InProcessWire, type ReplyEnvelope } from '@qa-pms/platform';

/** Answers one kind of request in the place of the service that owns it. */
export interface Stub {
  message: RequestClass;
  answer: (payload: object, caller: Caller) => unknown;
}

/** `stub(GetTicket, ({ key }) => ticketOf(key))`; an AppError that `answer` throws is the reply. */
export function stub<C extends RequestClass>(
  message: C,
  answer: (payload: InstanceType<C>, caller: Caller) => ReplyOf<C> | Promise<ReplyOf<C>>,
): Stub {
  return { message, answer: answer as Stub['answer'] };
}

/** Lets stubs answer for their services. What they do not know is refused with MESSAGE_NOT_FOUND. */
export async function serveStubs(wire: InProcessWire, stubs: Stub[]): Promise<void> {
  const services = new Set<ServiceName>(stubs.map(({ message }) => message.contract.service));
  for (const service of services) {
    const own = stubs.filter(({ message }) => message.contract.service === service);
    await wire.serve({
      service,
      requestTopics: ['queries', 'commands'],
      eventSources: [],
      request: (envelope) => reply(own, envelope),
      event: () => Promise.resolve(),
    });
  }
}

async function reply(stubs: Stub[], envelope: Envelope): Promise<ReplyEnvelope> {
  try {
    const { caller } = contextOfRequest(envelope);
    const name = envelope.headers['name'];
    const found = stubs.find(({ message }) => wireName(message.contract) === name);
    if (!found) throw new AppError('MESSAGE_NOT_FOUND', { message: name });
    const answer = await found.answer(JSON.parse(envelope.body) as object, caller);
    return { ok: true, body: JSON.stringify(answer ?? {}) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ok: false, body: JSON.stringify({ code: error.code, details: error.details }) };
  }
}
