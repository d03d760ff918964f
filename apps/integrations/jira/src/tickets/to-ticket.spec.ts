import { describe, expect, it } from '@jest/globals';
import { readIssue } from '../jira.schema.js';
import { StatusMap } from './status-map.js';
import { patterns } from './tickets.queries.js';
import { type TicketRow, toTicketRow } from './to-ticket.js';

function rowOf(fields: unknown, key = 'PMS-7'): TicketRow {
  const issue = readIssue({ id: '1', key, fields });
  if (!issue) throw new Error('not an issue');
  return toTicketRow(issue, 'https://a.atlassian.net', new StatusMap());
}

describe('toTicketRow', () => {
  it('makes do with an issue that has nothing but a key', () => {
    const { detail, assigneeEmail, urgency } = rowOf(undefined);

    expect(detail).toEqual({
      key: 'PMS-7',
      title: 'PMS-7',
      type: 'Unknown',
      status: 'backlog',
      jiraStatus: 'Unknown',
      priority: null,
      components: [],
      assignee: null,
      updatedAt: '1970-01-01T00:00:00.000Z',
      url: 'https://a.atlassian.net/browse/PMS-7',
      descriptionMarkdown: '',
      acceptanceCriteria: [],
      reporter: null,
      createdAt: '1970-01-01T00:00:00.000Z',
      dueDate: null,
      labels: [],
      comments: [],
      attachments: [],
    });
    expect([assigneeEmail, urgency]).toEqual([null, 0]);
  });

  it('makes titles and types that a workflow can take over', () => {
    const long = rowOf({ summary: 'x'.repeat(5000), issuetype: { name: 'y'.repeat(500) } }).detail;
    const empty = rowOf({ summary: '\u0000', issuetype: { name: '\u0000' } }).detail;

    expect([long.title.length, long.type.length]).toEqual([1000, 200]);
    expect([empty.title, empty.type]).toEqual(['PMS-7', 'Unknown']);
  });

  it.each([
    [
      {
        summary: 7,
        status: 'x',
        priority: [],
        components: {},
        labels: 'a',
        assignee: 1,
        comment: [],
        attachment: null,
        created: {},
      },
    ],
    [
      {
        summary: '',
        status: { statusCategory: null },
        components: [null, 1, {}],
        labels: [null, 'ok'],
        duedate: 'soon',
      },
    ],
  ])('survives fields of any shape', (fields) => {
    expect(rowOf(fields).detail.status).toBe('backlog');
  });

  it('keeps the latest ten comments, oldest first', () => {
    const comments = Array.from({ length: 12 }, (_, index) => ({
      id: String(index),
      body: `comment ${String(index)}`,
      created: `2026-01-${String(28 - index)}T10:00:00.000+0000`,
    }));

    const { detail } = rowOf({ comment: { comments, total: 12 } });

    expect(detail.comments.map((comment) => comment.id)).toEqual(['9', '8', '7', '6', '5', '4', '3', '2', '1', '0']);
  });

  it('links no attachment that is not on the web', () => {
    const attachment = [
      { id: '1', filename: 'a', content: 'javascript:alert(1)' },
      { id: '2', filename: 'b', size: -1, content: 'https://a.atlassian.net/2' },
    ];

    expect(rowOf({ attachment }).detail.attachments).toEqual([
      { id: '2', filename: 'b', mimeType: 'application/octet-stream', sizeBytes: 0, url: 'https://a.atlassian.net/2' },
    ]);
  });

  it('drops what PostgreSQL would refuse', () => {
    const { detail, searchText } = rowOf({ summary: 'a\u0000b\ud800', description: 'c\u0000d' });

    expect([detail.title, detail.descriptionMarkdown, searchText]).toEqual(['ab\ufffd', 'cd', 'PMS-7\nab\ufffd\ncd']);
  });

  it('answers times in UTC', () => {
    expect(rowOf({ updated: '2021-04-14T09:58:54.133-0500' }).detail.updatedAt).toBe('2021-04-14T14:58:54.133Z');
  });

  it('takes a key without a number', () => {
    expect(rowOf({}, 'ODD').keyNumber).toBe(0);
  });
});

describe('readIssue', () => {
  it.each([null, 1, 'x', [], {}, { key: 7 }, { key: '' }])('finds none in %j', (value) => {
    expect(readIssue(value)).toBeNull();
  });
});

describe('patterns', () => {
  it('parts words and escapes wildcards', () => {
    expect(patterns(' 100% a_b\\c ')).toEqual(['%100\\%%', '%a\\_b\\\\c%']);
  });

  it.each([undefined, null, '', '  '])('makes no filter of %j', (q) => {
    expect(patterns(q)).toBeNull();
  });
});
