/** A class. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- TypeORM makes instances of them itself
export type AnyClass = new (...args: any[]) => object;

/** The database of one service. */
export interface DatabaseOptions {
  /** Its schema, which it alone uses. */
  schema: string;
  /** TypeORM entities. */
  entities: AnyClass[];
  /** TypeORM migrations, in their order. */
  migrations: AnyClass[];
  /** Tables with a `project_id` that are read across projects, each with the reason. */
  acrossProjects?: Record<string, string>;
}
