import { Injectable } from '@nestjs/common';
import type { DemoProject, DemoUser, Empty, SeedDemo } from '@qa-pms/contracts';
import { Database, statement, type Transaction } from '@qa-pms/database';
import { Access } from '../access/access.js';
import { ProjectsService } from '../projects/projects.service.js';
import { checkPassword } from '../users/password-rules.js';
import { PasswordHasher } from '../users/password-hasher.js';
import { type NewUser, UsersService } from '../users/users.service.js';

const TAKEN = statement(
  'identity-taken-usernames',
  `SELECT lower(username) AS username FROM identity.users
   WHERE lower(username) = ANY (SELECT lower(name) FROM unnest($1::text[]) AS name)`,
);

/** Users and projects of a first start. */
@Injectable()
export class DemoService {
  constructor(
    private readonly db: Database,
    private readonly access: Access,
    private readonly passwords: PasswordHasher,
    private readonly users: UsersService,
    private readonly projects: ProjectsService,
  ) {}

  /**
   * Makes what is missing. What exists stays as it is: passwords, names, and also memberships that somebody ended,
   * so members are added only where the user or the project is new.
   */
  async seed(command: SeedDemo): Promise<Empty> {
    await this.access.installation('users:write');
    const missing = await this.missing(command.users);
    return this.db.once(async (tx) => {
      const newUsers = new Set<string>();
      for (const user of missing) {
        if (await this.users.insertIfNew(tx, user)) newUsers.add(user.username);
      }
      for (const project of command.projects) {
        const isNew = (await this.projects.insertIfNew(tx, project)) !== null;
        await this.addMembers(
          tx,
          project,
          isNew ? project.members : project.members.filter((name) => newUsers.has(name)),
        );
      }
      return {};
    });
  }

  /** The users that do not exist yet, their passwords hashed. */
  private async missing(users: DemoUser[]): Promise<NewUser[]> {
    const rows = await this.db.read<{ username: string }>(TAKEN, [users.map((user) => user.username)]);
    const taken = new Set(rows.map((row) => row.username));
    const wanted = users.filter((user) => !taken.has(user.username.toLowerCase()));
    return Promise.all(
      wanted.map(async ({ username, displayName, email, password, roles }) => {
        checkPassword(password, username);
        return { username, displayName, email, roles, passwordHash: await this.passwords.hash(password) };
      }),
    );
  }

  /** In the project they have the roles that they have in the installation. */
  private async addMembers(tx: Transaction, project: DemoProject, usernames: string[]): Promise<void> {
    await tx.query(
      `INSERT INTO identity.memberships (project_id, user_id, roles)
       SELECT projects.id, users.id, users.roles
       FROM identity.projects, identity.users
       WHERE projects.key = $1 AND users.username = ANY ($2::text[])
       ON CONFLICT (project_id, user_id) DO NOTHING`,
      [project.key, usernames],
    );
  }
}
