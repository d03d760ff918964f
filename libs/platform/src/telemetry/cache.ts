import type { ServiceName } from '@qa-pms/contracts';
import { LRUCache } from 'lru-cache';
import { counter, gauge, histogram, secondsSince } from './metrics.js';
import { observe } from './spans.js';

const operations = counter('cache_operations_total', 'Operations on a cache: `get` is a `hit` or a `miss`.', [
  'cache',
  'operation',
  'result',
]);
const evictions = counter('cache_evictions_total', 'Entries that left a cache: for others (`evict`), or `expire`d.', [
  'cache',
  'reason',
]);
/** To measure an operation in memory takes about as long as the operation. */
const MEASURED_ONE_IN = 100;
const durations = histogram(
  'cache_operation_duration_seconds',
  'Time of an operation on a cache; one in 100 is measured.',
  {
    labels: ['cache', 'operation'],
    // From what a lookup in memory takes to what one over a network does.
    buckets: [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 1e-4, 1e-3, 0.01, 0.1],
  },
);
gauge('cache_entries', 'Entries of a cache.', ['cache'], (told) => {
  for (const { labels, entries } of caches.values()) told.set(labels, entries());
});
gauge('cache_hit_ratio', 'Share of hits among what was asked of a cache since the start.', ['cache'], (told) => {
  for (const { labels, hits, asked } of caches.values()) if (asked > 0) told.set(labels, hits / asked);
});

interface Told {
  labels: { service: ServiceName; cache: string };
  hits: number;
  asked: number;
  entries: () => number;
}

/** The caches of this process; one that is made anew takes the place of the one before it. */
const caches = new Map<string, Told>();

interface CacheOptions {
  service: ServiceName;
  /** The label `cache`. */
  name: string;
  /** Entries; those that nobody asked for longest make room. */
  max: number;
  /** Milliseconds that an entry is good for, where `set` says nothing else; else until it makes room. */
  ttlMs?: number;
}

/** A cache in memory, with its metrics. */
export class Cache<Value extends object> {
  private readonly entries: LRUCache<string, Value>;
  private readonly told: Told;
  private readonly hit;
  private readonly miss;
  private readonly stored;
  private count = 0;

  constructor({ service, name, max, ttlMs }: CacheOptions) {
    const labels = { service, cache: name };
    this.hit = operations.labels({ ...labels, operation: 'get', result: 'hit' });
    this.miss = operations.labels({ ...labels, operation: 'get', result: 'miss' });
    this.stored = operations.labels({ ...labels, operation: 'set', result: 'ok' });
    this.entries = new LRUCache<string, Value>({
      max,
      ...(ttlMs !== undefined && { ttl: ttlMs }),
      dispose: (_value, _key, reason) => {
        if (reason === 'evict' || reason === 'expire') evictions.inc({ ...labels, reason });
      },
    });
    this.told = { labels, hits: 0, asked: 0, entries: () => this.entries.size };
    caches.set(`${service}.${name}`, this.told);
  }

  get(key: string): Value | undefined {
    const value = this.measured('get', () => this.entries.get(key));
    this.told.asked += 1;
    if (value === undefined) {
      this.miss.inc();
      return undefined;
    }
    this.told.hits += 1;
    this.hit.inc();
    return value;
  }

  set(key: string, value: Value, ttlMs?: number): void {
    this.measured('set', () => this.entries.set(key, value, ttlMs === undefined ? undefined : { ttl: ttlMs }));
    this.stored.inc();
  }

  delete(key: string): void {
    this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }

  private measured<T>(operation: 'get' | 'set', work: () => T): T {
    this.count += 1;
    if (this.count % MEASURED_ONE_IN !== 1) return work();
    const start = performance.now();
    const result = work();
    observe(durations, { ...this.told.labels, operation }, secondsSince(start));
    return result;
  }
}
