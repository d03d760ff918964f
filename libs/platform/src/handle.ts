import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { MessagePattern } from '@nestjs/microservices';
import { type MessageClass, type ServiceName, wireName } from '@qa-pms/contracts';

const HANDLED = Symbol('handled messages');

/** Marks the method that handles a message: `@Handle(GetWorkflow) getWorkflow(query: GetWorkflow) {…}`. Its only argument is the payload. */
export function Handle(message: MessageClass): MethodDecorator {
  const { contract } = message;
  const register = MessagePattern(`${contract.service}.${wireName(contract)}`, { message });
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
