/** A node of the Atlassian Document Format. */
export interface AdfNode {
  type: string;
  text?: string;
  attrs?: Record<string, unknown>;
  marks?: { type: string; attrs?: Record<string, unknown> }[];
  content?: AdfNode[];
  version?: number;
}

export interface SimulatedAccount {
  accountId: string;
  displayName: string;
  emailAddress?: string;
  active: boolean;
  accountType: string;
}

export interface SimulatedStatus {
  id: string;
  name: string;
  statusCategory: { id: number; key?: string; name?: string; colorName?: string };
}

export interface SimulatedComment {
  id: string;
  author: SimulatedAccount;
  body: unknown;
  created: string;
  updated: string;
  properties: { key: string; value: unknown }[];
}

/** Fields of an issue, as Jira answers them; more may be there when they were loaded from a file. */
export interface IssueFields extends Record<string, unknown> {
  summary: string;
  status: SimulatedStatus;
  project: { key: string; id?: string; name?: string };
  created: string;
  updated: string;
}

/** An issue that the simulator holds. Its comments and worklogs lie beside its fields. */
export interface SimulatedIssue {
  id: string;
  key: string;
  fields: IssueFields;
  comments: SimulatedComment[];
  worklogs: Record<string, unknown>[];
}
