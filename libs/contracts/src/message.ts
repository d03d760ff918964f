import type { ErrorCode } from './errors.js';
import type { Permission } from './permissions.js';

/** The services that own messages. */
export type ServiceName = 'gateway' | 'identity' | 'workflow' | 'tracking' | 'jira';

export type MessageKind = 'query' | 'command' | 'event';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor is meant
export type DtoClass<T extends object = object> = new (...args: any[]) => T;

/** What a message is, declared once beside its payload. */
export interface MessageContract<Kind extends MessageKind = MessageKind, Reply = unknown> {
  kind: Kind;
  /** The service that answers the request, or that publishes the event. */
  service: ServiceName;
  /** Unique within the service, kebab-case. */
  name: string;
  /** A breaking change is a new version beside the old one. */
  version: number;
  /** Class of the reply; null where nothing or a list of plain facts is answered. */
  reply: DtoClass | null;
  /** Who may send it; null where everyone who is signed in (or the system itself) may. */
  permission: Permission | null;
  /**
   * Path of the payload's key (`id`, `workflow.id`): messages of one key are handled in order.
   * For events: the id of what changed. Null where order does not matter.
   */
  key: string | null;
  /** A key is that of one person: what others send under it is not waited for. */
  isPersonal?: boolean;
  /** Its payload or reply holds a secret: both travel encrypted, since brokers keep what they carry for a time. */
  confidential?: boolean;
  /** Asked on and on by machines: its lines are of level DEBUG, and it is in no trace. */
  isRoutine?: boolean;
  /**
   * Codes of its own that it may answer with. Those that others answer as well go without saying: VALIDATION_ERROR,
   * FORBIDDEN with a permission, CONFLICT from commands, and that a part of the system is out of reach, late or at its limit.
   */
  errors?: readonly ErrorCode[];
  /** Only carries the reply's type. */
  readonly replyType?: Reply;
}

/** A payload class that carries its contract. */
export interface MessageClass<
  Payload extends object = object,
  Kind extends MessageKind = MessageKind,
  Reply = unknown,
> {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor is meant
  new (...args: any[]): Payload;
  contract: MessageContract<Kind, Reply>;
}

export type RequestClass<Payload extends object = object, Reply = unknown> = MessageClass<
  Payload,
  'query' | 'command',
  Reply
>;
export type EventClass<Payload extends object = object> = MessageClass<Payload, 'event', void>;

export type ReplyOf<C> = C extends MessageClass<object, MessageKind, infer Reply> ? Reply : never;

interface RequestOptions<Reply extends object> {
  service: ServiceName;
  name: string;
  version?: number;
  /** Class of the reply. */
  reply: DtoClass<Reply>;
  permission?: Permission | null;
  confidential?: boolean;
  isRoutine?: boolean;
  errors?: readonly ErrorCode[];
}

/** Base of messages whose payload has no fields beyond its own. */
class Message {}

/** Base of a query's payload: reads, changes nothing. */
export function query<Reply extends object, Base extends object = object>(
  options: RequestOptions<Reply>,
  base?: DtoClass<Base>,
) {
  const contract: MessageContract<'query', Reply> = {
    kind: 'query',
    version: 1,
    permission: null,
    key: null,
    ...options,
  };
  return withContract(contract, base);
}

/** Base of a command's payload: changes something; commands of one key are handled in order. */
export function command<Reply extends object, Base extends object = object>(
  options: RequestOptions<Reply> & { key: string | null; isPersonal?: boolean },
  base?: DtoClass<Base>,
) {
  const contract: MessageContract<'command', Reply> = { kind: 'command', version: 1, permission: null, ...options };
  return withContract(contract, base);
}

/** Base of an event's payload: a fact, for any number of consumers. */
export function event(options: { service: ServiceName; name: string; version?: number; key: string }) {
  const contract: MessageContract<'event', void> = {
    kind: 'event',
    version: 1,
    permission: null,
    reply: null,
    ...options,
  };
  return withContract(contract);
}

function withContract<C, Base extends object>(contract: C, base?: DtoClass<Base>) {
  const Parent = (base ?? Message) as DtoClass;
  class Contracted extends Parent {
    static readonly contract = contract;
  }
  return Contracted as DtoClass<Base> & { contract: C };
}

/** The name on the wire: `start-workflow.v1`. */
export function wireName(contract: Pick<MessageContract, 'name' | 'version'>): string {
  return `${contract.name}.v${contract.version}`;
}

/** The key of a payload, sent by a user or by the system; null where order does not matter. */
export function keyOf(
  { key, isPersonal }: Pick<MessageContract, 'key' | 'isPersonal'>,
  payload: object,
  userId: string | null = null,
): string | null {
  if (key === null) return null;
  let value: unknown = payload;
  for (const part of key.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
  if (typeof value !== 'string') return null;
  return isPersonal === true ? `${userId ?? ''} ${value}` : value;
}
