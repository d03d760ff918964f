/** pino-roll brings no types. https://github.com/mcollina/pino-roll#options */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events';

  interface RollingFile extends EventEmitter {
    /** Path of the file that is written to; null until the first is open. */
    readonly file: string | null;
    write: (text: string) => boolean;
    end: () => void;
  }
  export default function roll(options: {
    file: string;
    /** With the unit: `k`, `m`. */
    size: string;
    frequency: 'daily' | 'hourly' | number;
    dateFormat: string;
    maxLength: number;
    mode: number;
  }): Promise<RollingFile>;
}
