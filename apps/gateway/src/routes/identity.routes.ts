import {
  CreateProject,
  CreateUser,
  DeleteProject,
  GetMe,
  GetProject,
  GetUser,
  ListMembers,
  ListProjects,
  ListUsers,
  Login,
  PutMember,
  RemoveMember,
  UpdateMe,
  UpdateProject,
  UpdateUser,
} from '@qa-pms/contracts';
import { routes } from './route.js';

export const IDENTITY_ROUTES = [
  ...routes('Sign-in', [
    { method: 'POST', path: '/auth/login', message: Login, isPublic: true, project: 'none', summary: 'Sign in with user name and password' },
    { method: 'GET', path: '/auth/me', message: GetMe, project: 'none', summary: 'Who is signed in, and what they may do' },
    { method: 'PATCH', path: '/auth/me', message: UpdateMe, project: 'none', summary: 'Change the own profile' },
  ]),
  ...routes('Users', [
    { method: 'GET', path: '/users', message: ListUsers, project: 'none', summary: 'List users' },
    { method: 'POST', path: '/users', message: CreateUser, project: 'none', status: 201, summary: 'Make a user' },
    { method: 'GET', path: '/users/:id', message: GetUser, project: 'none', summary: 'Read a user' },
    { method: 'PATCH', path: '/users/:id', message: UpdateUser, project: 'none', summary: 'Change, disable or enable a user' },
  ]),
  ...routes('Projects', [
    { method: 'GET', path: '/projects', message: ListProjects, project: 'none', summary: 'List the projects one is a member of' },
    { method: 'POST', path: '/projects', message: CreateProject, project: 'none', status: 201, summary: 'Make a project' },
    { method: 'GET', path: '/projects/:id', message: GetProject, project: 'path', summary: 'Read a project' },
    { method: 'PATCH', path: '/projects/:id', message: UpdateProject, project: 'path', summary: 'Change a project' },
    { method: 'DELETE', path: '/projects/:id', message: DeleteProject, project: 'path', status: 204, summary: 'Delete a project' },
    { method: 'GET', path: '/projects/:id/members', message: ListMembers, project: 'path', summary: 'List members' },
    { method: 'POST', path: '/projects/:id/members', message: PutMember, project: 'path', status: 201, summary: 'Add a member, or change the roles of one' },
    { method: 'DELETE', path: '/projects/:id/members/:userId', message: RemoveMember, project: 'path', status: 204, summary: 'Remove a member' },
  ]),
];
