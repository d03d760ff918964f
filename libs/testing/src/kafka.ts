import { dockerProblem } from './docker.js';
import { KAFKA_IMAGE, startKafkaInDocker } from './kafka-docker.js';
import { startKafkaFromJars } from './kafka-java.js';
import { javaProblem } from './kafka-jars.js';

/** A broker for tests. */
export interface TestKafka {
  /** Addresses, comma-separated, as `KAFKA_BROKERS` takes them. */
  brokers: string;
  stop: () => Promise<void>;
  /** Ends it as a crash would. `restart` brings it back with its data. */
  kill: () => Promise<void>;
  restart: () => Promise<void>;
  /** It keeps its connections and answers nothing any more, until `resume`. */
  pause: () => Promise<void>;
  resume: () => Promise<void>;
}

export type KafkaAvailability = { way: 'given' | 'docker' | 'java'; problem: null } | { way: null; problem: string };

/** Where the run's global setup says why there is no Kafka; empty where there is one. */
export const KAFKA_PROBLEM_VARIABLE = 'QA_PMS_TEST_KAFKA_PROBLEM';

/** How this machine can give a Kafka, or the reasons why it cannot. */
export async function kafkaAvailability(): Promise<KafkaAvailability> {
  if (process.env['KAFKA_BROKERS']) return { way: 'given', problem: null };
  const docker = await dockerProblem(KAFKA_IMAGE);
  if (docker === null) return { way: 'docker', problem: null };
  const java = await javaProblem();
  if (java === null) return { way: 'java', problem: null };
  return { way: null, problem: `${docker}; ${java}; KAFKA_BROKERS is not set` };
}

/** A Kafka: `KAFKA_BROKERS`, else Docker, else Java with Maven. Throws with the reasons where there is none. */
export async function startKafka(): Promise<TestKafka> {
  const { way, problem } = await kafkaAvailability();
  if (way === 'docker') return startKafkaInDocker();
  if (way === 'java') return startKafkaFromJars();
  if (way === null) throw new Error(`There is no Kafka for tests: ${problem}.`);
  const notOurs = (what: string) => () =>
    Promise.reject(new Error(`The Kafka of KAFKA_BROKERS is not ours to ${what}.`));
  return {
    brokers: process.env['KAFKA_BROKERS'] ?? '',
    stop: () => Promise.resolve(),
    kill: notOurs('kill'),
    restart: notOurs('restart'),
    pause: notOurs('pause'),
    resume: notOurs('resume'),
  };
}
