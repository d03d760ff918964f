import { resolve } from 'node:path';
import { AllInOneSettings } from '@qa-pms/all-in-one';
import { Configuration, processEnvironment } from '@qa-pms/platform';

/** The data folder of the configuration. */
export async function dataFolder(file: string | null): Promise<string> {
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  return resolve(configuration.read(AllInOneSettings).dataDir);
}
