import { gatewayService } from '@qa-pms/gateway';
import { identityService } from '@qa-pms/identity';
import { jiraService } from '@qa-pms/jira';
import type { ServiceDefinition } from '@qa-pms/platform';
import { trackingService } from '@qa-pms/tracking';
import { workflowService } from '@qa-pms/workflow';

/** Every service of the product, in the order in which they start: the door is opened last. */
export const SERVICES: ServiceDefinition[] = [
  identityService,
  jiraService,
  workflowService,
  trackingService,
  gatewayService,
];

/** The services that TARGET names: `all`, or names separated by commas. Throws where a name is not one of them. */
export function chosenServices(target: string): ServiceDefinition[] {
  if (target === 'all' || target === '') return SERVICES;
  const names = target.split(',').map((name) => name.trim());
  const known = SERVICES.map(({ name }): string => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new Error(`TARGET names no service of ours: ${unknown.join(', ')}. Possible: all, ${known.join(', ')}.`);
  }
  return SERVICES.filter(({ name }) => names.includes(name));
}
