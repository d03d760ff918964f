import type { Project as ProjectDto } from '@qa-pms/contracts';
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn, VersionColumn } from 'typeorm';

/** The tenant: every row of data elsewhere belongs to one. */
@Entity({ schema: 'identity', name: 'projects' })
export class Project {
  @PrimaryColumn('uuid')
  id!: string;

  /** Unique, also among deleted projects: rows elsewhere still bear it. */
  @Column('text')
  key!: string;

  @Column('text')
  name!: string;

  @Column('text', { nullable: true })
  description!: string | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;

  @VersionColumn({ name: 'row_version' })
  rowVersion!: number;

  /** Since when nobody sees it; null: it is there. */
  @Column('timestamptz', { name: 'deleted_at', nullable: true })
  deletedAt!: Date | null;
}

/** Columns of a project under the names of the entity, for plain SQL. */
export const PROJECT_COLUMNS = `projects.id, projects.key, projects.name, projects.description,
  projects.created_at AS "createdAt", projects.updated_at AS "updatedAt", projects.row_version AS "rowVersion"`;

/** A project with those columns. */
export type ProjectRow = Omit<Project, 'deletedAt'>;

/** The project as its members see it. */
export function toProject(project: ProjectRow): ProjectDto {
  return {
    id: project.id,
    key: project.key,
    name: project.name,
    description: project.description,
    createdAt: project.createdAt.toISOString(),
    updatedAt: project.updatedAt.toISOString(),
    rowVersion: project.rowVersion,
  };
}
