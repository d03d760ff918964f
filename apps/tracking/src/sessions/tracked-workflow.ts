import type { StepStatus, WorkflowStatus } from '@qa-pms/contracts';

/** What tracking keeps of a step. */
export interface TrackedStep {
  name: string;
  estimateSeconds: number;
  status: StepStatus;
  /** ISO 8601; when it was completed or skipped. */
  endedAt: string | null;
}

/** What tracking keeps of a workflow: the last snapshot that it was told. */
export interface TrackedWorkflow {
  id: string;
  projectId: string;
  ticketKey: string;
  ticketType: string;
  templateId: string;
  templateName: string;
  templateVersion: number;
  /** Who works on it now. */
  userId: string;
  status: WorkflowStatus;
  steps: TrackedStep[];
  rowVersion: number;
  startedAt: Date;
  /** When it was completed or cancelled. */
  endedAt: Date | null;
  /** Start of the pause, while it is paused. */
  pausedAt: Date | null;
  /** Whole seconds of the pauses that ended, each rounded down once. */
  pausedSeconds: number;
}

/** One person at one step, from a start to an end. Corrected sessions hold the corrected span. */
export interface Session {
  id: string;
  stepIndex: number;
  /** Who spent it; a handover does not change it. */
  userId: string;
  startedAt: Date;
  /** Null while it runs. */
  endedAt: Date | null;
  /** Actions while it ran, in their order, without its start and its end; see `withAction`. */
  actions: Date[];
  /** IANA time zone of the person. */
  timeZone: string;
}

/** A workflow with its sessions in the order of their start. */
export interface Tracked {
  workflow: TrackedWorkflow;
  sessions: Session[];
}
