import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SERVICES } from '@qa-pms/all-in-one';
import { Configuration, settingsClassesOf, SettingsError } from '@qa-pms/platform';
import { settingsHelp, settingsJsonSchema } from '@qa-pms/platform/reference';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { load } from 'js-yaml';
import { allSettings, generatedFiles } from './all-settings.js';

const ROOT = join(import.meta.dirname, '../../..');

describe('what is made from settings, metrics and commands', () => {
  it.each(generatedFiles(ROOT))('is up to date in $path (else: npm run generate)', ({ path, text }) => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
  });

  it('names every setting in the help', () => {
    const help = settingsHelp(allSettings());

    for (const { key } of allSettings()) expect(help).toContain(`  ${key.toUpperCase().replaceAll('.', '_')}\n`);
  });
});

describe('a value that the start could not use', () => {
  const problemsOf = (given: Record<string, string>): string[] => {
    const needed = { DATABASE_URL: 'postgres://qa@db/qa', ENCRYPTION_KEY: '11'.repeat(32) };
    try {
      Configuration.fromEnvironment({ ...needed, ...given }).check(settingsClassesOf(SERVICES));
      return [];
    } catch (error) {
      if (error instanceof SettingsError) return error.problems.map(({ place, problem }) => `${place} ${problem}`);
      throw error;
    }
  };

  it.each([
    ['DATABASE_URL', 'postgres://u:p%zz@db/qa', 'holds a % that begins no code: write %25 for it'],
    ['DATABASE_URL', 'postgres://u%ff:p@db/qa', 'holds a % that begins no code'],
    ['DATABASE_URL', 'postgres://u:p@db/qa%', 'holds a % that begins no code'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://jaeger:99999', 'is no http or https address'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://:::', 'is no http or https address'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'ftp://jaeger:4318', 'is no http or https address'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://user:hunter2@otel:4318', 'OTEL_EXPORTER_OTLP_HEADERS'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://jaeger:4318?team=qa', 'holds a query'],
    ['KAFKA_BROKERS', '127.0.0.1', 'is no host with its port'],
    ['KAFKA_BROKERS', 'kafka-1:9092,kafka-2:70000', 'is no host with its port'],
    ['KAFKA_BROKERS', 'kafka://kafka-1:9092', 'is no host with its port'],
    // kafkajs cuts it at its first colon.
    ['KAFKA_BROKERS', '["[::1]:9092"]', 'is no host with its port'],
    ['CORS_ORIGINS', 'foo bar', 'is no origin'],
    ['CORS_ORIGINS', 'https://qa.example.com/', 'is no origin'],
    ['CORS_ORIGINS', '*', 'is no origin'],
    ['JIRA_HTTP_ALLOWED_HOSTS', 'https://x.y', 'is no name or address of a host'],
    ['JIRA_HTTP_PRIVATE_HOSTS', 'https://x.y', 'is no CIDR range'],
    ['JIRA_HTTP_PRIVATE_HOSTS', 'jira.intern:8080', 'is no name or address of a host'],
  ])('is refused with its name: %s=%s', (name, value, problem) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining(problem)]);
    expect(problemsOf({ [name]: value })).toEqual([expect.stringContaining(name)]);
  });

  it('is told beside all that does not go together', () => {
    const slips = { DATABASE_POOL_MAX: 'abc', DATABASE_IDLE_SECONDS: 'x', KAFKA_REPLICATION: 'y' };
    const together = { DATABASE_POOL_MIN: '30', KAFKA_MIN_IN_SYNC: '2', KAFKA_SASL_MECHANISM: 'plain' };

    const places = problemsOf({ ...slips, ...together }).map((problem) => problem.split(' ')[0]);

    expect(places.sort()).toEqual([
      ...['DATABASE_IDLE_SECONDS', 'DATABASE_POOL_MAX', 'KAFKA_REPLICATION', 'KAFKA_SASL_MECHANISM'],
      ...['KAFKA_SASL_PASSWORD', 'KAFKA_SASL_USERNAME'],
    ]);
    expect(problemsOf({ ...together, KAFKA_TLS_MODE: 'on' }).join('\n')).not.toContain('in clear');
  });

  it.each([
    ['DATABASE_URL', 'postgres://u:p%25%40@db:5432/qa'],
    ['DATABASE_URL', 'postgresql://u@%2Fvar%2Frun%2Fpostgresql/qa'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://[::1]:4318/'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://otel.example.com/tenant'],
    ['KAFKA_BROKERS', 'kafka-1:9092,10.0.0.1:9093'],
    ['CORS_ORIGINS', 'https://qa.example.com,http://localhost:5173'],
    ['JIRA_HTTP_ALLOWED_HOSTS', '*.atlassian.net,api.example.com,10.0.0.1,[::1]'],
    ['JIRA_HTTP_PRIVATE_HOSTS', 'Jira.Intern,10.0.0.0/8,::1'],
  ])('is not %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([]);
  });
});

describe('the JSON Schema of the configuration file', () => {
  const validate = new Ajv2020({ strict: false }).compile(settingsJsonSchema(allSettings()));
  const guide = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');

  it('accepts the example of the documentation', () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';

    expect([validate(load(example)), validate.errors]).toEqual([true, null]);
  });

  it('accepts a connection whose token is in a file', () => {
    const connection = { site_url: 'https://a.example.com', email: 'a@b.c', api_token_file: 'token' };

    expect(validate({ jira: { connections: [connection] } })).toBe(true);
  });

  it.each([
    ['an unknown section', { databse: {} }],
    ['an unknown key', { database: { pool_maximum: 3 } }],
    ['a wrong type', { database: { pool_max: 'many' } }],
    ['a value that is not offered', { log: { level: 'loud' } }],
    [
      'a connection without its token',
      { jira: { connections: [{ site_url: 'https://a.example.com', email: 'a@b.c' }] } },
    ],
  ])('refuses %s', (_what, document) => {
    expect(validate(document)).toBe(false);
  });
});
