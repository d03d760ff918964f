import { Column, Entity, PrimaryColumn } from 'typeorm';

/** That a user belongs to a project, and as what. */
@Entity({ schema: 'identity', name: 'memberships' })
export class Membership {
  @PrimaryColumn('uuid', { name: 'project_id' })
  projectId!: string;

  @PrimaryColumn('uuid', { name: 'user_id' })
  userId!: string;

  /** Roles in the project. */
  @Column('text', { array: true })
  roles!: string[];
}
