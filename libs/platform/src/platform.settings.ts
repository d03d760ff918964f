import { Setting } from './configuration/setting.js';
import { masterKeyProblem } from './secrets.js';

/** Settings that every process has. */
export class PlatformSettings {
  /** Address that HTTP listens on. */
  @Setting({ key: 'host', description: 'Address that HTTP listens on.', example: '0.0.0.0' })
  host = '127.0.0.1';

  /** Port that HTTP listens on; 0 takes a free one. */
  @Setting({ key: 'port', description: 'Port that HTTP listens on; 0 takes a free one.', example: '3000', max: 65_535 })
  port = 3000;

  /** Least important level that is logged. */
  @Setting({
    key: 'log.level',
    description: 'Least important level that is logged.',
    example: 'debug',
    values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    reloadable: true,
  })
  logLevel = 'info';

  /** How log lines look. */
  @Setting({ key: 'log.format', description: 'How log lines look.', example: 'pretty', values: ['json', 'pretty'] })
  logFormat = 'json';

  /** Folder of log files, beside standard output; empty: no files. */
  @Setting({
    key: 'log.file.folder',
    description:
      'Folder of log files, beside standard output: one a day and process, compressed once full. Empty: no files. Processes of one service in the same folder need an `instance.id` each.',
    example: '/var/log/qa-pms',
    optional: true,
  })
  logFileFolder = '';

  /** Megabytes after which the next log file is begun. */
  @Setting({
    key: 'log.file.max_mb',
    description: 'Megabytes after which the next log file is begun; each day begins one in any case.',
    example: '100',
    min: 0.001,
    fraction: true,
  })
  logFileMegabytes = 100;

  /** Days that log files are kept. */
  @Setting({ key: 'log.file.keep_days', description: 'Days that log files are kept.', example: '30', min: 1 })
  logFileDays = 30;

  /** Unique and lasting name of this instance. */
  @Setting({
    key: 'instance.id',
    description:
      'Unique and lasting name of this instance (a StatefulSet pod name); a restart under the same name takes over at once. Empty: made up.',
    example: 'workflow-0',
    optional: true,
  })
  instanceId = '';

  /** Master key: 64 hex digits. */
  @Setting({
    key: 'encryption.key',
    description: 'Master key, 64 hex digits, the same for all services; `qa-pms config generate-key` prints one.',
    example: '<64 hex digits>',
    secret: true,
    check: masterKeyProblem,
  })
  encryptionKey = '';

  /** Earlier master keys, which open what has not been encrypted anew yet. */
  @Setting({
    key: 'encryption.previous_keys',
    description: 'Earlier master keys, which still open what they encrypted.',
    example: '<64 hex digits>,<64 hex digits>',
    secret: true,
    check: masterKeyProblem,
  })
  previousKeys: string[] = [];

  /** Milliseconds that a request between services may take. */
  @Setting({
    key: 'request.timeout_ms',
    description: 'Milliseconds that a request between services may take.',
    example: '10000',
    min: 100,
    reloadable: true,
  })
  requestTimeoutMs = 10_000;

  /** Requests in flight from one process before more are refused. */
  @Setting({
    key: 'request.max_in_flight',
    description: 'Requests in flight from one process before more are refused.',
    example: '2000',
    min: 1,
    reloadable: true,
  })
  requestMaxInFlight = 2_000;

  /** Milliseconds between readiness failing and the port closing. */
  @Setting({
    key: 'shutdown.grace_ms',
    description: 'Milliseconds that requests are still served after readiness fails, for load balancers to notice.',
    example: '5000',
  })
  shutdownGraceMs = 0;

  /** Milliseconds after which a stop is forced. */
  @Setting({
    key: 'shutdown.timeout_ms',
    description: 'Milliseconds after which a stop is forced.',
    example: '30000',
    min: 1000,
  })
  shutdownTimeoutMs = 30_000;
}
