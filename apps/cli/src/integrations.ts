import { SERVICES } from '@qa-pms/all-in-one';
import { Configuration, type IntegrationCheck, processEnvironment } from '@qa-pms/platform';

/** Every integration that the configuration connects, tried once. */
export async function checkIntegrations(file: string | null): Promise<IntegrationCheck[]> {
  const configuration = await Configuration.load({ environment: processEnvironment(), file });
  const checks = SERVICES.flatMap(({ checkIntegrations: check }) => (check ? [check(configuration)] : []));
  return (await Promise.all(checks)).flat();
}
