import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { register } from 'prom-client';
import { Cache } from './cache.js';

async function valueOf(metric: string, labels: Record<string, string>): Promise<number | undefined> {
  const told = await register.getSingleMetric(metric)?.get();
  return told?.values.find((one) =>
    Object.entries({ service: 'gateway', ...labels }).every(([name, value]) => one.labels[name as never] === value),
  )?.value;
}

describe('a cache', () => {
  it('tells what was asked of it, what it found, and what it holds', async () => {
    const cache = new Cache<object>({ service: 'gateway', name: 'told', max: 10 });
    const value = {};

    const before = cache.get('a');
    cache.set('a', value);
    const after = [cache.get('a'), cache.get('a')];
    cache.delete('b');

    expect(before).toBeUndefined();
    expect(after).toEqual([value, value]);
    const told = { cache: 'told' };
    expect(await valueOf('cache_operations_total', { ...told, operation: 'get', result: 'hit' })).toBe(2);
    expect(await valueOf('cache_operations_total', { ...told, operation: 'get', result: 'miss' })).toBe(1);
    expect(await valueOf('cache_operations_total', { ...told, operation: 'set', result: 'ok' })).toBe(1);
    expect(await valueOf('cache_hit_ratio', told)).toBeCloseTo(2 / 3);
    expect(await valueOf('cache_entries', told)).toBe(1);
  });

  it('tells how long one in a hundred operations takes', async () => {
    const cache = new Cache<object>({ service: 'gateway', name: 'timed', max: 10 });

    cache.set('a', {});
    for (let count = 0; count < 300; count += 1) cache.get('a');

    const count = { cache: 'timed', le: '+Inf' };
    expect(await valueOf('cache_operation_duration_seconds', { ...count, operation: 'set' })).toBe(1);
    expect(await valueOf('cache_operation_duration_seconds', { ...count, operation: 'get' })).toBe(3);
  });

  it('tells why entries left it, but not of those that were taken out', async () => {
    const cache = new Cache<object>({ service: 'gateway', name: 'left', max: 2, ttlMs: 60_000 });

    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, {});
    cache.delete('d');
    cache.set('e', {}, 1);
    await sleep(10);
    const late = cache.get('e');

    expect(late).toBeUndefined();
    expect(await valueOf('cache_evictions_total', { cache: 'left', reason: 'evict' })).toBe(2);
    expect(await valueOf('cache_evictions_total', { cache: 'left', reason: 'expire' })).toBe(1);
    expect(await valueOf('cache_entries', { cache: 'left' })).toBe(1);
    cache.clear();
    expect(await valueOf('cache_entries', { cache: 'left' })).toBe(0);
    expect(await valueOf('cache_evictions_total', { cache: 'left', reason: 'delete' })).toBeUndefined();
  });
});
