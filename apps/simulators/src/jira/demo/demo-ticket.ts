import type { AdfNode } from '../jira-types.js';
import type { STATUSES } from '../statuses.js';
import type { PersonName } from './people.js';

/** A ticket of the demo, as short as it can be written. */
export interface DemoTicket {
  title: string;
  type: 'Bug' | 'Story' | 'Task';
  status: keyof typeof STATUSES;
  priority: 'Highest' | 'High' | 'Medium' | 'Low' | 'Lowest';
  components: string[];
  labels?: string[];
  assignee?: PersonName;
  reporter: PersonName;
  /** Days ago that it was made. */
  age: number;
  /** Days ago that it last changed. */
  touched: number;
  /** Days from now that it is due. */
  due?: number;
  body: AdfNode[];
  comments?: [PersonName, string][];
  /** File name, media type, bytes. */
  attachments?: [string, string, number][];
}
