export * from './hostile-yaml.js';
export * from './http-stub.js';
export * from './kafka.js';
export * from './own-database.js';
export * from './start-service.js';
export * from './stub.js';
export * from './test-caller.js';
export * from './test-database.js';
