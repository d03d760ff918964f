import { describe, expect, it } from '@jest/globals';
import { Configuration } from './configuration/configuration.js';
import { createRootLogger } from './log.js';
import { createRuntime } from './runtime.js';
import { stopServices } from './stop.js';

describe('stopServices', () => {
  it('ends telemetry last, whose hanging or failing keeps nothing from its end', async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = createRootLogger({
      level: 'info',
      format: 'json',
      output: { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
    });
    const settings = { ENCRYPTION_KEY: '00'.repeat(32), LOG_LEVEL: 'silent' };
    const runtime = { ...createRuntime(Configuration.fromEnvironment(settings), 'test'), logger };
    const ended: string[] = [];
    runtime.onStop.push(
      { name: 'traces', stop: () => new Promise(() => undefined) },
      { name: 'metrics', stop: () => Promise.reject(new Error('no collector')) },
      { name: 'last', stop: () => Promise.resolve(ended.push('last')) },
    );

    const clean = await stopServices(runtime, [], 'test');

    expect(clean).toBe(true);
    expect(ended).toEqual(['last']);
    expect(runtime.health.draining).toBe(true);
    expect(lines.map(({ level, msg, phase = null }) => [level, msg, phase])).toEqual([
      ['info', 'stopping: readiness fails from now on', null],
      ['info', 'stop phase ended', 'grace'],
      ['info', 'stop phase ended', 'requests'],
      ['info', 'stop phase ended', 'wire'],
      ['error', 'stop phase failed', 'traces'],
      ['error', 'stop phase failed', 'metrics'],
      ['info', 'stop phase ended', 'last'],
      ['info', 'stopped', null],
    ]);
  });
});
