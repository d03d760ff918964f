import { Injectable } from '@nestjs/common';
import {
  AppError,
  type CreateUser,
  type ListUsers,
  paged,
  type Pagination,
  type UpdateUser,
  type UserAccount,
  UserChanged,
} from '@qa-pms/contracts';
import { Database, lookup, ordersBy, sortedStatements, type Transaction } from '@qa-pms/database';
import { v7 as uuidv7 } from 'uuid';
import { Access } from '../access/access.js';
import { demandVersion } from '../row-version.js';
import { checkPassword } from './password-rules.js';
import { PasswordHasher } from './password-hasher.js';
import { type Account, ACCOUNT_COLUMNS, toUserAccount, User } from './user.entity.js';

const GET_USER = lookup('identity-get-user', `SELECT ${ACCOUNT_COLUMNS} FROM identity.users WHERE id = $1`);

const NAMESAKE = lookup('identity-namesake', 'SELECT 1 FROM identity.users WHERE lower(username) = lower($1)');

const ORDERS = ordersBy(
  {
    username: 'lower(username)',
    display_name: 'lower(display_name)',
    created_at: 'created_at',
    updated_at: 'updated_at',
  },
  'id',
);

const LISTS = sortedStatements('identity-list-users', ORDERS, {
  select: ACCOUNT_COLUMNS,
  from: 'identity.users',
  parameters: 0,
});

type AccountWithZone = Account & Pick<User, 'timeZone'>;

/** What a new user needs; the password hashed already, since that takes longer than a transaction should. */
export type NewUser = Pick<User, 'username' | 'displayName' | 'email' | 'passwordHash' | 'roles'>;

/** Accounts, as administrators of the installation manage them. */
@Injectable()
export class UsersService {
  constructor(
    private readonly db: Database,
    private readonly access: Access,
    private readonly passwords: PasswordHasher,
  ) {}

  async list(query: ListUsers): Promise<{ data: UserAccount[]; pagination: Pagination }> {
    await this.access.installation('users:write');
    const { rows, total } = await this.db.readPage<Account>(LISTS[query.sortBy ?? 'username'], [], query);
    return paged(rows.map(toUserAccount), total, query);
  }

  async get(id: string): Promise<UserAccount> {
    await this.access.installation('users:write');
    const [user] = await this.db.read<Account>(GET_USER, [id]);
    if (!user) throw new AppError('USER_NOT_FOUND', { id });
    return toUserAccount(user);
  }

  async create(command: CreateUser): Promise<UserAccount> {
    await this.access.installation('users:write');
    const { username, displayName, email = null, password } = command;
    checkPassword(password, username);
    const roles = [...new Set(command.roles)];
    const [namesake] = await this.db.read(NAMESAKE, [username]);
    // Not hashed in vain: that takes 64 MiB and a tenth of a second. once() knows whether this command took the name.
    if (namesake) return this.db.once(() => Promise.reject(new AppError('USERNAME_TAKEN', { username })));
    const passwordHash = await this.passwords.hash(password);
    return this.db.once(async (tx) => {
      const user = await this.insertIfNew(tx, { username, displayName, email, passwordHash, roles });
      if (!user) throw new AppError('USERNAME_TAKEN', { username });
      return toUserAccount(user);
    });
  }

  async update(command: UpdateUser): Promise<UserAccount> {
    await this.access.installation('users:write');
    const { id, email } = command;
    return this.db.once(async (tx) => {
      const { before, isLastAdmin } = await this.lock(tx, id);
      demandVersion(before, command.expectedVersion);
      const displayName = command.displayName ?? before.displayName;
      const roles = command.roles ? [...new Set(command.roles)] : before.roles;
      const disabledAt = disabledSince(before, command.disabled);
      if (isLastAdmin && (disabledAt || !roles.includes('admin'))) throw new AppError('LAST_ADMIN');
      await tx.typeorm((manager) => manager.update(User, { id }, { displayName, email, roles, disabledAt }));
      if (displayName !== before.displayName)
        tx.publish(UserChanged, { userId: id, displayName, timeZone: before.timeZone });
      return toUserAccount(await tx.typeorm((manager) => manager.findOneByOrFail(User, { id })));
    });
  }

  /** Adds a user and says so; null where the name is taken. */
  async insertIfNew(tx: Transaction, user: NewUser): Promise<Account | null> {
    const [made] = await tx.query<AccountWithZone>(
      `INSERT INTO identity.users (id, username, display_name, email, password_hash, roles)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (lower(username)) DO NOTHING
       RETURNING ${ACCOUNT_COLUMNS}, users.time_zone AS "timeZone"`,
      [uuidv7(), user.username, user.displayName, user.email, user.passwordHash, user.roles],
    );
    if (!made) return null;
    const { timeZone, ...account } = made;
    tx.publish(UserChanged, { userId: account.id, displayName: account.displayName, timeZone });
    return account;
  }

  /** The user, and whether nobody else administers the installation; all of them locked. Throws USER_NOT_FOUND. */
  private async lock(tx: Transaction, id: string): Promise<{ before: AccountWithZone; isLastAdmin: boolean }> {
    // Locked in one order: of two administrators who demote each other at the same time one succeeds.
    const users = await tx.query<AccountWithZone>(
      `SELECT ${ACCOUNT_COLUMNS}, users.time_zone AS "timeZone" FROM identity.users
       WHERE id = $1 OR ('admin' = ANY (roles) AND disabled_at IS NULL) ORDER BY id FOR UPDATE`,
      [id],
    );
    const before = users.find((user) => user.id === id);
    if (!before) throw new AppError('USER_NOT_FOUND', { id });
    return { before, isLastAdmin: isAdmin(before) && users.filter(isAdmin).length === 1 };
  }
}

function isAdmin({ roles, disabledAt }: Account): boolean {
  return roles.includes('admin') && disabledAt === null;
}

function disabledSince(user: Account, disabled: boolean | null | undefined): Date | null {
  if (disabled === undefined || disabled === null) return user.disabledAt;
  return disabled ? (user.disabledAt ?? new Date()) : null;
}
