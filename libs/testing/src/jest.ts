// A second entry: importing Jest's globals fails in any process that is not Jest's, and the first entry is used there too.
export * from './describe-with.js';
export * from './verify-after-each.js';
