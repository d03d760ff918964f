import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { MessagePattern } from '@nestjs/microservices';
import { type EventClass, type MessageClass, type ServiceName, wireName } from '@qa-pms/contracts';

const HANDLED = Symbol('handled messages');

/** Marks the method that handles a message: `@Handle(GetWorkflow) getWorkflow(query: GetWorkflow) {…}`. Its only argument is the payload. */
export function Handle(message: MessageClass): MethodDecorator {
  return handler(message, false);
}

/**
 * As `Handle`, for an event that is cheaper to handle together with those that have come of its key meanwhile. The
 * method's argument is the list of them, in their order and never empty; all of it happens, or nothing.
 */
export function HandleTogether(message: EventClass): MethodDecorator {
  return handler(message, true);
}

function handler(message: MessageClass, isTogether: boolean): MethodDecorator {
  const { contract } = message;
  const register = MessagePattern(`${contract.service}.${wireName(contract)}`, { message, isTogether });
  return (target, property, descriptor) => {
    Reflect.defineMetadata(HANDLED, [...handledBy(target.constructor), message], target.constructor);
    register(target, property, descriptor);
  };
}

function handledBy(controller: object): MessageClass[] {
  return (Reflect.getMetadata(HANDLED, controller) as MessageClass[] | undefined) ?? [];
}

/** The services whose events a module's controllers handle: their dead-letter topics are made at deploy. */
export function eventSourcesOf(module: Type): ServiceName[] {
  const controllers = (Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, module) as Type[] | undefined) ?? [];
  const imports = (Reflect.getMetadata(MODULE_METADATA.IMPORTS, module) as unknown[] | undefined) ?? [];
  const own = controllers.flatMap(handledBy).filter(({ contract }) => contract.kind === 'event');
  const nested = imports.filter((one): one is Type => typeof one === 'function').flatMap(eventSourcesOf);
  return [...new Set([...own.map(({ contract }) => contract.service), ...nested])];
}
