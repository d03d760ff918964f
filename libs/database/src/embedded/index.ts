// An entry of its own: whoever starts a server does not need TypeORM.
export * from './embedded-postgres.js';
export * from './free-port.js';
export { holdsCluster, runningAdminUrl } from './lock-file.js';
