import { Injectable } from '@nestjs/common';
import {
  AppError,
  type CreateProject,
  type DeleteProject,
  type Empty,
  type ListProjects,
  paged,
  type Pagination,
  type Project as ProjectDto,
  type UpdateProject,
} from '@qa-pms/contracts';
import { Database, lookup, ordersBy, sortedStatements, type Transaction } from '@qa-pms/database';
import { caller, requireUser } from '@qa-pms/platform';
import { v7 as uuidv7 } from 'uuid';
import { Access } from '../access/access.js';
import { demandVersion } from '../row-version.js';
import { Membership } from './membership.entity.js';
import { Project, PROJECT_COLUMNS, type ProjectRow, toProject } from './project.entity.js';

const ORDERS = ordersBy(
  {
    key: 'projects.key',
    name: 'lower(projects.name)',
    created_at: 'projects.created_at',
    updated_at: 'projects.updated_at',
  },
  'projects.id',
);

const LISTS = sortedStatements('identity-list-projects', ORDERS, {
  select: PROJECT_COLUMNS,
  from: `identity.projects JOIN identity.memberships ON memberships.project_id = projects.id
    WHERE memberships.user_id = $1 AND projects.deleted_at IS NULL`,
  parameters: 1,
});

const FIND_PROJECT = lookup(
  'identity-find-project',
  `SELECT ${PROJECT_COLUMNS} FROM identity.projects WHERE key = $1 AND deleted_at IS NULL`,
);

/** Projects, as their members see them. */
@Injectable()
export class ProjectsService {
  constructor(
    private readonly db: Database,
    private readonly access: Access,
  ) {}

  /** The caller's projects. */
  async list(query: ListProjects): Promise<{ data: ProjectDto[]; pagination: Pagination }> {
    const { userId } = requireUser();
    const { rows, total } = await this.db.readPage<ProjectRow>(LISTS[query.sortBy ?? 'key'], [userId], query);
    return paged(rows.map(toProject), total, query);
  }

  async get(id: string): Promise<ProjectDto> {
    return toProject(await this.access.project(id, 'projects:read'));
  }

  /** By key, for other services: whoever is configured with a key need not be a member. */
  async find(key: string): Promise<ProjectDto> {
    const [project] = await this.db.read<ProjectRow>(FIND_PROJECT, [key]);
    if (!project) throw new AppError('PROJECT_NOT_FOUND', { key });
    return toProject(project);
  }

  async create(command: CreateProject): Promise<ProjectDto> {
    await this.access.installation('projects:create');
    const { key, name, description = null } = command;
    const { userId } = caller();
    return this.db.once(async (tx) => {
      const project = await this.insertIfNew(tx, { key, name, description });
      if (!project) throw new AppError('PROJECT_KEY_TAKEN', { key });
      if (userId)
        await tx.typeorm((manager) => manager.insert(Membership, { projectId: project.id, userId, roles: ['admin'] }));
      return toProject(project);
    });
  }

  update({ id, expectedVersion, name, description }: UpdateProject): Promise<ProjectDto> {
    return this.db.once(async (tx) => {
      const before = await this.access.lockProject(tx, id, 'members:write');
      demandVersion(before, expectedVersion);
      await tx.typeorm((manager) => manager.update(Project, { id }, { name: name ?? before.name, description }));
      return toProject(await tx.typeorm((manager) => manager.findOneByOrFail(Project, { id })));
    });
  }

  /** Hides the project from everyone. Its rows, here and elsewhere, and its key stay. */
  delete({ id, expectedVersion }: DeleteProject): Promise<Empty> {
    return this.db.once(async (tx) => {
      demandVersion(await this.access.lockProject(tx, id, 'projects:create'), expectedVersion);
      await tx.typeorm((manager) => manager.update(Project, { id }, { deletedAt: new Date() }));
      return {};
    });
  }

  /** Adds a project; null where the key is taken, be it by a deleted project. */
  async insertIfNew(
    tx: Transaction,
    { key, name, description }: Pick<Project, 'key' | 'name' | 'description'>,
  ): Promise<ProjectRow | null> {
    const [made] = await tx.query<ProjectRow>(
      `INSERT INTO identity.projects (id, key, name, description) VALUES ($1, $2, $3, $4)
       ON CONFLICT (key) DO NOTHING RETURNING ${PROJECT_COLUMNS}`,
      [uuidv7(), key, name, description],
    );
    return made ?? null;
  }
}
