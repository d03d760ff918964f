import { access, constants, stat, statfs } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { dirname } from 'node:path';
import { AllInOneSettings, keptMasterKey } from '@qa-pms/all-in-one';
import { DatabaseSettings } from '@qa-pms/database';
import { type Configuration, KafkaSettings, masterKeyProblem, RedisSettings, type Tls } from '@qa-pms/platform';
import { failed, type Finding, ok, skipped, warning } from './findings.js';

/** operations.md: DiskFilling above 85 %. */
const DISK_WARNING = 0.85;
const DISK_FULL = 0.97;
const DAY_MS = 86_400_000;
const CERTIFICATE_WARNING_DAYS = 30;
const PEM = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

/** The data folder of all-in-one, where something is kept in it: whether it can be written, and what is left of its disk. */
export async function checkDataFolder(configuration: Configuration, dataDir: string): Promise<Finding[]> {
  // Separate services make no demonstration.
  const isDemo = !configuration.has('kafka.brokers') && configuration.peek(AllInOneSettings).demo;
  if (configuration.has('database.url') && configuration.has('encryption.key') && !isDemo)
    return [skipped('data folder', 'not used: the database and the master key are those of the configuration')];
  const existing = nearest(dataDir);
  const findings: Finding[] = [];
  try {
    if (!(await stat(existing)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    await access(existing, constants.W_OK);
    findings.push(
      existing === dataDir
        ? ok('data folder', `${dataDir} can be written`)
        : ok('data folder', `${dataDir} will be made at the first start`),
    );
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code);
    findings.push(
      failed(
        'data folder',
        `${existing} cannot be written (${code})`,
        'Give it to the user that runs the product, mount it for writing, or choose another folder with DATA_DIR.',
      ),
    );
  }
  const { blocks, bavail, bsize } = await statfs(existing);
  const used = blocks === 0 ? 0 : 1 - bavail / blocks;
  const message = `${(used * 100).toFixed(0)} % of the disk of ${existing} is used, ${((bavail * bsize) / 1e9).toFixed(1)} GB are left`;
  const remedy = 'Make room, or move the data folder to a larger disk (DATA_DIR).';
  if (used > DISK_FULL) findings.push(failed('disk', message, remedy));
  else findings.push(used > DISK_WARNING ? warning('disk', message, remedy) : ok('disk', message));
  return findings;
}

/** The master key of the configuration, or of the data folder. */
export async function checkMasterKey(configuration: Configuration, dataDir: string): Promise<Finding> {
  const name = 'master key';
  if (configuration.has('encryption.key')) {
    try {
      return ok(name, `key ${configuration.keyring().ids.join(', ')} of the configuration`);
    } catch (error) {
      return failed(
        name,
        (error as Error).message,
        'Set ENCRYPTION_KEY to the key that this installation was begun with.',
      );
    }
  }
  const kept = await keptMasterKey(dataDir);
  if (kept === null) return skipped(name, 'none yet: all-in-one makes one at the first start');
  const problem = masterKeyProblem(kept);
  const file = `${dataDir}/master.key`;
  return problem === null
    ? ok(name, `in ${file}`)
    : failed(name, `${file} ${problem}`, 'Put the file back from where you keep a copy; without it secrets are lost.');
}

/** End dates of the certificates that the configuration names. */
export function checkCertificates(configuration: Configuration): Finding[] {
  const sections = { database: DatabaseSettings, kafka: KafkaSettings, redis: RedisSettings };
  const given = Object.entries(sections).flatMap(([section, settings]) => {
    const { tlsCa, tlsCertificate } = configuration.peek<Tls>(settings);
    return [[`${section}.tls.ca`, tlsCa] as const, [`${section}.tls.certificate`, tlsCertificate] as const];
  });
  const findings = given.filter(([, pem]) => pem !== '').map(([key, pem]) => checkCertificate(key, pem));
  return findings.length > 0 ? findings : [skipped('certificates', 'none are configured')];
}

/** The first of them to end: a bundle is no better than that, unless another authority of it may still be the right one. */
function checkCertificate(key: string, pem: string): Finding {
  const all = (pem.match(PEM) ?? [pem]).map((one) => new X509Certificate(one));
  const byEnd = all.sort((one, other) => Date.parse(one.validTo) - Date.parse(other.validTo));
  const [first, last] = [byEnd[0]!, byEnd.at(-1)!];
  const end = new Date(first.validTo);
  const days = Math.floor((end.getTime() - Date.now()) / DAY_MS);
  const day = end.toISOString().slice(0, 10);
  const which = all.length === 1 ? '' : `${oneLine(first.subject)}, of ${String(all.length)}, `;
  const remedy = `Renew it and put the new one where ${key} points; SIGHUP reads it again.`;
  if (days < 0) {
    const another = key.endsWith('.ca') && Date.parse(last.validTo) > Date.now();
    return (another ? warning : failed)(`certificate ${key}`, `${which}has expired on ${day}`, remedy);
  }
  const message = `${which}ends on ${day}, in ${String(days)} days`;
  return days < CERTIFICATE_WARNING_DAYS
    ? warning(`certificate ${key}`, message, remedy)
    : ok(`certificate ${key}`, message);
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ');
}

/** The folder itself, or the next above it that exists. */
function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}
