import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const KAFKA_VERSION = '4.2.0';
/** Kafka 4's broker runs on Java 17 and later: https://kafka.apache.org/42/getting-started/compatibility/ */
const LEAST_JAVA = 17;
/** About 43 MB through a slow line. */
const DOWNLOAD_LIMIT_MS = 300_000;

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.3</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.3</version></dependency>
  </dependencies>
</project>
`;

/** Null when this machine can run Kafka's jars; else what is missing. */
export async function javaProblem(): Promise<string | null> {
  const version = await run('java', ['-version']).then(
    ({ stderr }) => Number(/version "(\d+)/.exec(stderr)?.[1]),
    () => null,
  );
  if (version === null) return `no Java (${LEAST_JAVA} or later)`;
  if (!(version >= LEAST_JAVA)) return `Java ${version} is older than ${LEAST_JAVA}`;
  if (existsSync(jarsFolder())) return null;
  return run('mvn', ['--version']).then(
    () => null,
    () => 'no Maven, which fetches Kafka',
  );
}

/** Kafka's jars, fetched with Maven once and kept in the user's cache (`QA_PMS_CACHE`, else `~/.cache/qa-pms`). */
export async function kafkaJars(): Promise<string> {
  const folder = jarsFolder();
  if (existsSync(folder)) return folder;
  // Renamed when complete: another run may fetch at the same time, or be ended half way.
  const unfinished = `${folder}.${randomBytes(4).toString('hex')}`;
  await mkdir(unfinished, { recursive: true });
  try {
    await writeFile(join(unfinished, 'pom.xml'), POM);
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`];
    await run('mvn', ['-q', '-B', '-f', join(unfinished, 'pom.xml'), ...goal], { timeout: DOWNLOAD_LIMIT_MS });
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return folder;
  } catch (error) {
    const output = (error as { stdout?: string }).stdout?.trim();
    throw new Error(`Maven could not fetch Kafka ${KAFKA_VERSION}: ${output ?? String(error)}`, { cause: error });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function jarsFolder(): string {
  return join(process.env['QA_PMS_CACHE'] ?? join(homedir(), '.cache/qa-pms'), `kafka-${KAFKA_VERSION}`);
}

/** The JVM's class path of a folder of jars. */
export function classPath(jars: string): string {
  return join(jars, '*');
}
