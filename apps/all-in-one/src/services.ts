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

/** Names of all services. */
export function serviceNames(): string[] {
  return SERVICES.map(({ name }) => name);
}

/** The services that `target` names, in the order in which they start. */
export function chosenServices(target: readonly string[]): ServiceDefinition[] {
  return target.includes('all') ? SERVICES : SERVICES.filter(({ name }) => target.includes(name));
}
