import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@qa-pms/database/embedded';
import type { KeyPair } from './certificates.js';

const PROGRAM = 'redis-server';
/** ACL rules of what the settings say that its user must be allowed: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ */
export const REDIS_RIGHTS = '~qa-pms:* -@all +eval +get +set +pttl +time +ping +info +select +client';

/** A Redis for tests, started from the machine's own program. */
export interface TestRedis {
  port: number;
  /** `redis://127.0.0.1:<port>/0`, with the name and password that it asks for. */
  url: string;
  stop: () => Promise<void>;
  /** Ends it as a crash would. `restart` brings it back, empty. */
  kill: () => Promise<void>;
  restart: () => Promise<void>;
  /** It keeps its connections and answers nothing any more, until `resume`. */
  pause: () => void;
  resume: () => void;
}

export interface TestRedisOptions {
  /** Whom it lets in. */
  account?: { username: string; password: string };
  /** Answers over TLS only; with `clients` to those alone whose certificates that authority (PEM) signed. */
  tls?: KeyPair & { clients?: string };
}

/** Why this machine has no Redis; null where it has. */
export async function redisProblem(): Promise<string | null> {
  try {
    await promisify(execFile)(PROGRAM, ['--version']);
    return null;
  } catch {
    return `no ${PROGRAM} in PATH`;
  }
}

/** Starts a Redis that keeps nothing. */
export async function startRedis({ account, tls }: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'qa-pms-redis-'));
  const port = await freePort();
  // The words of its own file: https://redis.io/docs/latest/operate/oss_and_stack/management/config-file/
  const lines = ['bind 127.0.0.1', 'save ""', 'appendonly no', `dir ${folder}`];
  if (account) lines.push('user default off', `user ${account.username} on ">${account.password}" ${REDIS_RIGHTS}`);
  if (tls) {
    await writeFile(join(folder, 'server.crt'), tls.cert);
    await writeFile(join(folder, 'server.key'), tls.key);
    await writeFile(join(folder, 'clients.crt'), tls.clients ?? tls.cert);
    lines.push('port 0', `tls-port ${String(port)}`, `tls-auth-clients ${tls.clients === undefined ? 'no' : 'yes'}`);
    lines.push('tls-cert-file server.crt', 'tls-key-file server.key', 'tls-ca-cert-file clients.crt');
  } else {
    lines.push(`port ${String(port)}`);
  }
  const file = join(folder, 'redis.conf');
  await writeFile(file, `${lines.join('\n')}\n`);

  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(PROGRAM, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('Ready to accept connections')) resolve();
      });
      child.once('error', reject).once('exit', () => {
        reject(new Error(`Redis did not start: ${said}`));
      });
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  await start();
  const signIn = account ? `${account.username}:${encodeURIComponent(account.password)}@` : '';
  return {
    port,
    url: `redis://${signIn}127.0.0.1:${String(port)}/0`,
    stop: async () => {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
    kill: () => end('SIGKILL'),
    restart: start,
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
  };
}
