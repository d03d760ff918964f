import { type Configuration, createRootLogger, logFor, RedisConnection, RedisSettings } from '@qa-pms/platform';
import { failed, type Finding, ok, skipped } from './findings.js';

/** Long enough for its first connection, with TLS and sign-in. */
const PATIENCE_MS = 3_000;

/** Whether Redis lets us in and does what we ask of it. */
export async function checkRedis(configuration: Configuration): Promise<Finding> {
  const settings = configuration.peek(RedisSettings);
  if (settings.url === '') {
    return skipped('redis', 'none is configured: each instance keeps its limits for itself');
  }
  const quiet = logFor(createRootLogger({ level: 'silent', format: 'json' }), 'redis');
  const redis = new RedisConnection(settings, 'doctor', quiet);
  try {
    const version = await redis.version(PATIENCE_MS);
    return ok('redis', `Redis ${version} answers`);
  } catch (error) {
    const remedy = 'Start it, or correct REDIS_URL; until then each instance keeps its limits for itself.';
    return failed('redis', (error as Error).message, remedy);
  } finally {
    redis.close();
  }
}
