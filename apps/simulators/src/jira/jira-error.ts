/** A refusal in one of Jira's two shapes: sentences, or a sentence per field. */
export class JiraError extends Error {
  readonly body: { errorMessages: string[]; errors: Record<string, string> };

  constructor(
    readonly status: number,
    reason: string | Record<string, string>,
  ) {
    super(typeof reason === 'string' ? reason : Object.values(reason).join(' '));
    this.body =
      typeof reason === 'string' ? { errorMessages: [reason], errors: {} } : { errorMessages: [], errors: reason };
  }
}
