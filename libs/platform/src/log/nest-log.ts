import { Logger as NestPino, PinoLogger } from 'nestjs-pino';
import type { Logger } from 'pino';

/** nestjs-pino's logger has one root for the process; in all-in-one each service has its own. */
class ServiceLogger extends PinoLogger {
  constructor(private readonly own: Logger) {
    super({ pinoHttp: { logger: own } });
  }

  override get logger(): Logger {
    return this.own;
  }
}

/**
 * Nest's own lines in our form. Its routine ones (a dozen modules and routes at each start) are of interest to
 * developers only. nestjs-pino's module is not used: its logger is one for the process, so that the lines of all-in-one
 * would all carry the name of one service, and what it binds to each request comes from the context of the message, over
 * HTTP and in consumers alike.
 */
class FrameworkLog extends NestPino {
  override log(message: unknown, ...rest: unknown[]): void {
    this.debug(message, ...rest);
  }
}

/** What `NestFactory.create` takes as its logger. */
export function nestLogger(logger: Logger): NestPino {
  return new FrameworkLog(new ServiceLogger(logger), {});
}
