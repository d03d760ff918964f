/* global __ENV, __ITER, __VU -- given by k6: https://grafana.com/docs/k6/latest/javascript-api */
// The script for k6; `npm run load` starts it. People at work, each with an account of their own, over every route.
import http from 'k6/http';
import { check, fail, sleep } from 'k6';
import { SCENARIOS } from './scenarios.ts';

const url = __ENV.URL;
const admins = JSON.parse(__ENV.ADMIN);
/** Operations of the OpenAPI document, as `GET /workflows/{id}`: each must be called, or the run fails. */
const routes = JSON.parse(__ENV.ROUTES);
const scenario = SCENARIOS[__ENV.SCENARIO](Number(__ENV.DURATION_FACTOR));
const PASSWORD = 'load-test-Passw0rd';
/** Access tokens live for 15 minutes. */
const TOKEN_MS = 12 * 60_000;

http.setResponseCallback(http.expectedStatuses({ min: 200, max: 399 }));

export const options = {
  scenarios: { [__ENV.SCENARIO]: scenario.executor },
  thresholds: {
    http_req_duration: ['p(95)<500', 'p(99)<1000'].map(scenario.limit),
    http_req_failed: ['rate<0.001'].map(scenario.limit),
    checks: ['rate==1'],
    ...Object.fromEntries(routes.map((route) => [`http_reqs{name:${route}}`, ['count>0']])),
  },
  setupTimeout: '15m',
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
  // The tag `name` is the route: addresses with ids in them would each be a series.
  systemTags: ['name', 'method', 'status', 'scenario', 'check', 'error_code'],
};

/**
 * Makes the people and signs them in. Passwords are hashed for a tenth of a second each: before the measurement, which
 * would else begin with more sign-ins at once than any morning has.
 */
export function setup() {
  const admin = signIn(admins.username, admins.password);
  const project = admin.call('GET /projects').data.find(({ key }) => key === 'DEMO');
  const run = Date.now().toString(36);
  const people = Array.from({ length: scenario.people }, (_, index) => {
    const person = newMember(admin, project.id, `load-${run}-${index}`);
    return { ...person, token: signIn(person.username, PASSWORD).token };
  });
  const { data } = admin.call('GET /tickets', { page_size: 100 });
  if (data.length === 0) fail('There are no tickets.');
  return { people, project: project.id, tickets: data.map(({ key }) => key), run };
}

/** Long enough for an alert, which an administrator dismisses. */
const CORRECTION_S = 8 * 3_600;

let me = null;

/** One turn of a person: a ticket from its list to its report; now and then what leads and administrators do. */
export default function turn({ people, project, tickets, run }) {
  const person = people[(__VU - 1) % people.length];
  me ??= new Api(person.token, TOKEN_MS * Math.random());
  if (Date.now() > me.renewAt) me = signIn(person.username, PASSWORD);
  const key = tickets[(__VU * 7 + __ITER) % tickets.length];
  work(me, key, person.id);
  if ((__VU + __ITER) % 10 === 1) govern({ run, project, tickets, key, person });
}

function work(api, key, userId) {
  api.send('GET /auth/me');
  api.send('GET /tickets', { status: 'ready_for_qa', sort_by: '-updated_at' });
  api.send('GET /tickets/{key}', { key });
  api.send('GET /workflows/active/{ticketKey}', { ticketKey: key });
  api.send('GET /time/estimates');
  const { id, steps } = api.call('POST /workflows', {}, { ticketKey: key, onActive: 'restart' });
  const step = (index) => ({ id, index });
  think();
  api.send('GET /workflows/user/active');
  api.send('PATCH /workflows/{id}/steps/{index}', step(0), { notes: 'Seen on staging.' });
  api.send('POST /workflows/{id}/steps/{index}/complete', step(0), { outcome: 'passed' });
  api.send('GET /time/sessions/{workflowId}/active', { workflowId: id });
  api.send('POST /workflows/{id}/pause', { id }, {});
  api.send('POST /workflows/{id}/resume', { id }, {});
  api.send('POST /workflows/{id}/steps/{index}/skip', step(1), { reason: 'Not needed.' });
  api.send('POST /workflows/{id}/steps/{index}/reopen', step(1), { reason: 'Needed after all.' });
  think();
  for (let index = 1; index < steps.length; index += 1)
    api.send('POST /workflows/{id}/steps/{index}/complete', step(index), { outcome: 'passed' });
  const done = api.call('POST /workflows/{id}/complete', { id }, {});
  check(done, { 'the workflow is completed': ({ status }) => status === 'completed' });
  api.send('GET /workflows/{id}', { id });
  api.send('GET /workflows/{id}/summary', { id });
  api.send('GET /workflows', { user_id: userId, status: 'completed' });
  const path = { workflowId: id, after_row_version: done.rowVersion };
  const time = api.call('GET /time/sessions/{workflowId}', path);
  check(time, { 'tracking has followed': ({ rowVersion }) => rowVersion === done.rowVersion });
  const [{ sessions }] = time.steps;
  const startedAt = new Date(Date.parse(sessions[0].startedAt) - CORRECTION_S * 1_000).toISOString();
  api.send('POST /time/sessions/{id}/corrections', { id: sessions[0].id }, { startedAt, reason: 'Forgot to start.' });
  think();
  report(api, id);
  for (const route of ['GET /time/history', 'GET /time/history/trend']) api.send(route, { user_id: userId });
  api.send('GET /time/history/averages', { user_id: userId, group_by: 'step' });
}

function report(api, workflowId) {
  // Times come from tracking, and those of the correction, a moment later.
  let found = null;
  for (let count = 0; count < 50 && !(found?.content.time?.totalSeconds >= CORRECTION_S); count += 1) {
    if (found) sleep(0.1);
    found = api.call('GET /reports/workflow/{workflowId}', { workflowId });
  }
  check(found, { 'the report has the corrected times': ({ content }) => content.time?.totalSeconds >= CORRECTION_S });
  const id = { id: found.id };
  const { rowVersion } = api.call('GET /reports/{id}', id);
  const edited = api.call('PATCH /reports/{id}', id, { notes: 'All well.' }, { 'if-match': `"${rowVersion}"` });
  api.send('GET /reports');
  api.send('GET /reports/{id}/export', { ...id, format: 'html' });
  api.send('POST /reports/{id}/finalise', id, {}, { 'if-match': `"${edited.rowVersion}"` });
  api.send('POST /reports', {}, { workflowId });
}

/** What a lead and an administrator do. */
function govern({ run, project, tickets, key, person }) {
  const api = signIn(admins.username, admins.password);
  const mark = `${run}-${__VU}-${__ITER}`;
  api.send('PATCH /auth/me', {}, { language: 'en' });
  api.send('GET /users', { page_size: 5 });
  api.send('GET /users/{id}', { id: person.id });
  api.send('PATCH /users/{id}', { id: person.id }, { displayName: `Load ${mark}` });
  const made = api.call('POST /projects', {}, { key: projectKey(), name: `Load ${mark}` });
  const id = { id: made.id };
  api.send('GET /projects/{id}', id);
  api.send('PATCH /projects/{id}', id, { description: 'Made by a load test.' });
  api.send('POST /projects/{id}/members', id, { userId: person.id, roles: ['qa'] });
  api.send('GET /projects/{id}/members', { id: project });
  api.send('DELETE /projects/{id}/members/{userId}', { ...id, userId: person.id });
  api.send('DELETE /projects/{id}', id);
  template(api, mark);
  // A ticket of their own: of two who move one at the same time the second finds that its transition is gone. Where there
  // are more people than tickets, the last move none.
  if (__VU <= tickets.length) move(api, tickets[__VU - 1]);
  api.send('POST /tickets/{key}/comments', { key }, { bodyMarkdown: `Seen by **${mark}**.` });
  const { data: alerts } = api.call('GET /time/alerts');
  if (alerts.length > 0) api.send('POST /time/alerts/{id}/dismiss', { id: alerts[0].id }, {});
  const heir = newMember(api, project, `heir-${mark}`.toLowerCase());
  const start = () => me.call('POST /workflows', {}, { ticketKey: key, onActive: 'restart' });
  me.send('POST /workflows/{id}/cancel', { id: start().id }, {});
  const { id: given } = start();
  me.send('POST /workflows/{id}/pause', { id: given }, {});
  const handed = me.call('POST /workflows/{id}/handover', { id: given }, { toUserId: heir.id });
  check(handed, { 'the workflow is handed over': ({ userId }) => userId === heir.id });
}

function move(api, key) {
  const { data: transitions } = api.call('GET /tickets/{key}/transitions', { key });
  api.send('POST /tickets/{key}/transitions', { key }, { transitionId: transitions[0].id });
}

function newMember(admin, project, username) {
  const account = { username, displayName: username, password: PASSWORD, roles: ['user'] };
  const { id } = admin.call('POST /users', {}, account);
  admin.send('POST /projects/{id}/members', { id: project }, { userId: id, roles: ['qa'] });
  return { id, username };
}

function template(api, mark) {
  const body = { name: `Load ${mark}`, ticketType: `Load ${mark}`, description: '' };
  const steps = [{ name: 'Look', description: 'Look at it.', estimateSeconds: 60 }];
  api.send('GET /workflows/templates');
  const { id } = api.call('POST /workflows/templates', {}, { ...body, steps });
  api.send('GET /workflows/templates/{id}', { id });
  const longer = { ...body, steps: [...steps, ...steps] };
  const { version } = api.call('PUT /workflows/templates/{id}', { id }, longer, { 'if-match': '"1"' });
  api.send('DELETE /workflows/templates/{id}', { id }, undefined, { 'if-match': `"${version}"` });
}

/** Letters only, unlike any other of this run. */
function projectKey() {
  return Array.from({ length: 9 }, () => String.fromCharCode(65 + Math.floor(Math.random() * 26))).join('');
}

function think() {
  sleep(scenario.thinkSeconds * (0.5 + Math.random()));
}

function signIn(username, password) {
  const body = JSON.stringify({ username, password });
  const params = { headers: { 'content-type': 'application/json' }, tags: { name: 'POST /auth/login' } };
  const answer = http.post(`${url}/api/v1/auth/login`, body, params);
  if (answer.status !== 200) {
    // As long as it asks for: a loop of refused sign-ins would be an attack.
    sleep(Number(answer.headers['Retry-After'] ?? 1));
    fail(`sign-in of ${username}: ${answer.status} ${answer.body}`);
  }
  return new Api(answer.json('accessToken'), TOKEN_MS);
}

/** Calls by the names of the OpenAPI document. A refusal ends the turn, with its text. */
class Api {
  /** Signed in anew after so many milliseconds. */
  constructor(token, lifeMs) {
    this.token = token;
    this.renewAt = Date.now() + lifeMs;
    this.headers = { authorization: `Bearer ${token}`, 'x-project-id': 'DEMO', 'content-type': 'application/json' };
  }

  /** What is answered. Not read where nobody looks at it: k6 shares our cores. */
  call(...request) {
    return this.send(...request).json();
  }

  /** Values that are no part of the path go into the query. */
  send(route, values = {}, body = undefined, headers = {}) {
    const [method, pattern] = route.split(' ');
    const rest = { ...values };
    const path = pattern.replace(/\{(\w+)\}/g, (_whole, name) => {
      delete rest[name];
      return encodeURIComponent(values[name]);
    });
    const query = Object.entries(rest).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    const address = `${url}/api/v1${path}${query.length > 0 ? `?${query.join('&')}` : ''}`;
    const params = { headers: { ...this.headers, ...headers }, tags: { name: route } };
    const answer = http.request(method, address, body === undefined ? null : JSON.stringify(body), params);
    if (answer.status === 0 || answer.status >= 400) fail(`${route}: ${answer.status} ${answer.error} ${answer.body}`);
    return answer;
  }
}
