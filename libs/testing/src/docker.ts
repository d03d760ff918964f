import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Null when Docker can start this image without fetching anything; else what is missing. */
export async function dockerProblem(image: string): Promise<string | null> {
  return promisify(execFile)('docker', ['image', 'inspect', image], { timeout: 5_000 }).then(
    () => null,
    (error: unknown) => {
      const { code, stderr } = error as { code?: unknown; stderr?: string };
      if (code === 'ENOENT') return 'no Docker';
      return /no such image/i.test(stderr ?? '') ? `Docker has no image ${image}` : 'Docker cannot be reached';
    },
  );
}
