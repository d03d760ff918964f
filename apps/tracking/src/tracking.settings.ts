import { Setting } from '@qa-pms/platform';

/** Settings of tracking. */
export class TrackingSettings {
  /** After how many seconds without an action a session counts as left running. */
  @Setting({
    key: 'tracking.idle_seconds',
    description: 'After how many seconds without an action a session counts as left running.',
    example: '7200',
    min: 60,
  })
  idleSeconds = 7200;

  /** Seconds between two looks at running sessions for gap alerts; an alert comes within twice that. */
  @Setting({
    key: 'tracking.gap_check_seconds',
    description: 'Seconds between two looks at running sessions for gap alerts.',
    example: '30',
    min: 1,
  })
  gapCheckSeconds = 30;

  /** How many milliseconds a query waits for a change that it names and that has not arrived yet. */
  @Setting({
    key: 'tracking.arrival_wait_ms',
    description: 'How many milliseconds a query waits for a change of a workflow that has not arrived yet.',
    example: '2000',
  })
  arrivalWaitMs = 2000;
}
