/** Variables by their names. */
export type Environment = Record<string, string | undefined>;

/** The one place where the process's environment is read. */
export function processEnvironment(): Environment {
  return { ...process.env };
}
