export { BadAnswer } from './body.js';
export * from './http-client.js';
export * from './http-metrics.js';
export * from './observer.js';
export * from './upstream.settings.js';
