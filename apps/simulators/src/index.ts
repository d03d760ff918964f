export type { Fault, Faults } from './faults.js';
export { type JiraSimulator, type JiraSimulatorOptions, startJiraSimulator } from './jira/jira-simulator.js';
export type { SimulatedIssue } from './jira/jira-types.js';
