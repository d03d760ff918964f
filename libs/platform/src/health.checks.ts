import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { HealthCheck } from './health.js';

/** Less is DiskFilling, of the alerts. */
const LEAST_FREE = 0.15;
/** More is MemoryPressure, of the alerts. */
const MOST_USED = 0.9;

const percent = (ratio: number): string => `${String(Math.round(ratio * 100))} %`;

interface DiskSpace {
  /** Blocks that there are, and that we may still write. */
  blocks: number;
  bavail: number;
}

/** Folders that health looks at, and what their disks last had free. */
const watched = new Map<string, () => Promise<DiskSpace>>();
const lastFree = new Map<string, number>();

/** Free share of the fullest of these disks when they were last asked, which they are now; NaN where none has answered. */
export function diskFree(): number {
  for (const [folder, ask] of watched) {
    ask().then(
      (space) => lastFree.set(folder, freeShare(space)),
      () => lastFree.delete(folder),
    );
  }
  return lastFree.size === 0 ? NaN : Math.min(...lastFree.values());
}

function freeShare({ blocks, bavail }: DiskSpace): number {
  return blocks === 0 ? 1 : bavail / blocks;
}

/** One question at a time: each that hangs keeps one of the four threads that all files and names are asked in. */
function asking(folder: string, space: (path: string) => Promise<DiskSpace>): () => Promise<DiskSpace> {
  let answer: Promise<DiskSpace> | null = null;
  return () =>
    (answer ??= space(folder).finally(() => {
      answer = null;
    }));
}

/** Whether the disk below a folder has space left, which `disk_free_ratio` tells too. */
export function diskCheck(folder: string): HealthCheck {
  const ask = asking(folder, statfs);
  watched.set(folder, ask);
  diskFree();
  return spaceCheck(folder, ask);
}

/** The same by what `space` says. Terminus's own would start `df` each time. */
export function spaceCheck(folder: string, space: (path: string) => Promise<DiskSpace>): HealthCheck {
  const ask = asking(folder, space);
  return {
    name: 'disk',
    required: false,
    check: async () => {
      const free = freeShare(await ask());
      const message = `${percent(free)} free at ${folder}`;
      if (free < LEAST_FREE) throw new Error(message);
      return message;
    },
  };
}

/** Bytes that this process may use: those of its container, else of the machine. */
export function memoryLimit(): number {
  const limit = process.constrainedMemory();
  // Without a limit cgroups answer with 0 or with a number beyond any memory.
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** Whether the process keeps away from the limit at which it would be killed. */
export function memoryCheck(used: () => number = () => process.memoryUsage.rss(), limit = memoryLimit()): HealthCheck {
  return {
    name: 'memory',
    required: false,
    check: () => {
      const ratio = used() / limit;
      const message = `${percent(ratio)} of ${String(Math.round(limit / 1024 ** 2))} MB used`;
      if (ratio > MOST_USED) throw new Error(message);
      return message;
    },
  };
}
