export * from './connection.js';
export * from './database.js';
export * from './database.module.js';
export * from './database.settings.js';
export * from './dead-letters.js';
export * from './migrations.js';
export type * from './options.js';
export * from './outbox-relay.js';
export * from './project-scope.js';
