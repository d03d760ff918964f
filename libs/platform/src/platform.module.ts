import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import type { ServiceName } from '@qa-pms/contracts';
import { Health } from './health.js';
import { BackgroundJobs } from './jobs.js';
import { Log, logFor } from './log.js';
import { MessageBus } from './messaging/message-bus.js';
import { PlatformSettings } from './platform.settings.js';
import { RedisConnection } from './redis/redis.js';
import type { Runtime } from './runtime.js';
import type { ServiceDefinition } from './service.js';
import { metricsModule } from './telemetry/metrics.controller.js';
import { TelemetrySettings } from './telemetry/telemetry.settings.js';

/** Token of the process's runtime. */
export const RUNTIME = Symbol('runtime');
/** Token of the service's own definition. */
export const SERVICE = Symbol('service');

/** What is injectable everywhere in a service. */
@Module({})
export class PlatformModule {
  /** Throws SettingsError where the service's settings are wrong. */
  static forService(service: ServiceDefinition, runtime: Runtime): DynamicModule {
    const { settings } = runtime;
    const log = logFor(runtime.logger, service.name satisfies ServiceName);
    runtime.configuration.check(service.settings);
    const providers: Provider[] = [
      { provide: RUNTIME, useValue: runtime },
      { provide: SERVICE, useValue: service },
      { provide: PlatformSettings, useValue: settings },
      { provide: TelemetrySettings, useValue: runtime.telemetry },
      { provide: Health, useValue: runtime.health },
      { provide: RedisConnection, useValue: runtime.redis },
      { provide: Log, useValue: log },
      { provide: MessageBus, useValue: new MessageBus(runtime.wire, service.name, settings) },
      BackgroundJobs,
      ...service.settings.map((settingsClass): Provider => ({
        provide: settingsClass,
        useValue: runtime.configuration.read(settingsClass),
      })),
    ];
    return {
      module: PlatformModule,
      global: true,
      imports: [service.module, metricsModule],
      providers,
      exports: providers,
    };
  }
}
