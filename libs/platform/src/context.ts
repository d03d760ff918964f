import { AsyncLocalStorage } from 'node:async_hooks';
import { AppError, type Permission } from '@qa-pms/contracts';
import { v7 as uuidv7 } from 'uuid';

/** On whose behalf something happens. */
export interface Caller {
  /** Null: the system itself. */
  userId: string | null;
  /** Name to show. */
  displayName: string | null;
  /** The project that the request is about. */
  projectId: string | null;
  /** What the caller may do there. */
  permissions: readonly Permission[];
  /** The system itself may do everything. */
  system: boolean;
}

/** What belongs to the message (or HTTP request) that is being handled. */
export interface MessageContext {
  /** Id of the message: the inbox knows it by this. */
  messageId: string;
  /** Ties all that one request caused together. */
  requestId: string;
  /** Epoch milliseconds after which nobody waits for the answer; null: never. */
  deadline: number | null;
  caller: Caller;
  /** SHA-256 of the body, where an `Idempotency-Key` made the id; else null. */
  idempotencyHash: string | null;
  /** Of events that are handled with this one, which came before it. */
  otherMessageIds?: string[];
}

const storage = new AsyncLocalStorage<MessageContext>();

/** Runs `work` in a context. */
export function runInContext<T>(context: MessageContext, work: () => T): T {
  return storage.run(context, work);
}

/** The context, or undefined outside of any message. */
export function findContext(): MessageContext | undefined {
  return storage.getStore();
}

/** The context of the current message. Throws outside of one: a fault of the caller's code. */
export function currentContext(): MessageContext {
  const context = storage.getStore();
  if (!context) throw new Error('No message is being handled here: use runAsSystem for background work.');
  return context;
}

/** On whose behalf the current message is handled. */
export function caller(): Caller {
  return currentContext().caller;
}

/** The signed-in user. Throws UNAUTHENTICATED where it is the system itself. */
export function requireUser(): { userId: string; displayName: string } {
  const { userId, displayName } = caller();
  if (userId === null) throw new AppError('UNAUTHENTICATED');
  return { userId, displayName: displayName ?? userId };
}

/** The project of the current message. Throws PROJECT_REQUIRED without one. */
export function requireProject(): string {
  const { projectId } = caller();
  if (projectId === null) throw new AppError('PROJECT_REQUIRED');
  return projectId;
}

/** Whether the caller has a permission in the project of the message. */
export function can(permission: Permission): boolean {
  const { system, permissions } = caller();
  return system || permissions.includes(permission);
}

/** Who has not signed in may do nothing; sign-in itself needs no permission. */
export const ANONYMOUS: Caller = {
  userId: null,
  displayName: null,
  projectId: null,
  permissions: [],
  system: false,
};

export const SYSTEM: Caller = { userId: null, displayName: null, projectId: null, permissions: [], system: true };

/** Runs background work in a context of its own: no user, every permission, optionally one project. */
export function runAsSystem<T>(
  options: { projectId?: string | null; requestId?: string },
  work: () => Promise<T>,
): Promise<T> {
  const id = uuidv7();
  const context: MessageContext = {
    messageId: id,
    requestId: options.requestId ?? id,
    deadline: null,
    caller: { ...SYSTEM, projectId: options.projectId ?? null },
    idempotencyHash: null,
  };
  return storage.run(context, work);
}
