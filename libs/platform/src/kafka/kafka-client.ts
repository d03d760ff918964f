import type { KafkaConfig, SASLOptions } from 'kafkajs';
import { SettingsError } from '../configuration/settings-error.js';
import { settingName, textOf, tlsOptions, tlsProblem } from '../tls.js';
import type { KafkaSettings } from './kafka.settings.js';

/** Brokers, TLS and sign-in of every client of Kafka. */
export function kafkaClientOptions(settings: KafkaSettings): Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl'> {
  const { brokers, saslMechanism, saslUsername: username, saslPassword: password } = settings;
  const ssl = tlsOptions(settings);
  return {
    brokers,
    ...(ssl && { ssl }),
    ...(saslMechanism !== 'none' && { sasl: { mechanism: saslMechanism, username, password } as SASLOptions }),
  };
}

/** A refusal that the settings explain as SettingsError, any other error as it is. */
export function explainKafka(error: unknown, { brokers, saslMechanism }: KafkaSettings): unknown {
  const place = `Kafka at ${brokers.join(', ')}`;
  const problem = tlsProblem(error, 'kafka') ?? signInProblem(error, saslMechanism);
  return problem === null ? error : new SettingsError([{ key: '', place, problem }]);
}

/** What a start says that finds no broker. Its code is Node's for it. */
export function unreachableKafka(cause: unknown, { brokers }: KafkaSettings): Error {
  const text = `Kafka at ${brokers.join(', ')} cannot be reached: is it running? Else look at ${settingName('kafka.brokers')}.`;
  return Object.assign(new Error(text, { cause }), { code: 'ECONNREFUSED' });
}

function signInProblem(error: unknown, mechanism: string): string | null {
  const said = textOf(error);
  if (
    /SASL \S+ mechanism is not supported|UNSUPPORTED_SASL_MECHANISM|does not support the requested SASL mechanism/i.test(
      said,
    )
  ) {
    return `does not offer ${mechanism}: choose another in ${settingName('kafka.sasl.mechanism')}`;
  }
  if (/SASL|authentication failed/i.test(said)) {
    const [name, password] = [settingName('kafka.sasl.username'), settingName('kafka.sasl.password')];
    return `refuses our name or password: look at ${name} and ${password}`;
  }
  return null;
}
