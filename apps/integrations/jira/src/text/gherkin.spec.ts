import { describe, expect, it } from '@jest/globals';
import { acceptanceCriteria } from './gherkin.js';

const text = (value: string, marks?: unknown[]) => ({ type: 'text', text: value, ...(marks && { marks }) });
const p = (value: string) => ({ type: 'paragraph', content: [text(value)] });
const h = (value: string, level = 2) => ({ type: 'heading', attrs: { level }, content: [text(value)] });
const code = (value: string) => ({ type: 'codeBlock', attrs: {}, content: [text(value)] });
const ul = (...items: string[]) => ({
  type: 'bulletList',
  content: items.map((one) => ({ type: 'listItem', content: [p(one)] })),
});
const doc = (...content: unknown[]) => ({ type: 'doc', version: 1, content });

describe('acceptanceCriteria', () => {
  it('recognises a feature in a code block', () => {
    const feature =
      'Feature: Booking\n\n  Scenario: Plus sign\n    Given a guest\n    When they book\n    Then it works';

    expect(acceptanceCriteria(doc(p('Words'), code(feature)))).toEqual([{ format: 'gherkin', text: feature }]);
  });

  it('leaves other code alone', () => {
    expect(acceptanceCriteria(doc(code('const given = 1;\nwhen(given);')))).toEqual([]);
  });

  it('joins steps that are a paragraph each', () => {
    const found = acceptanceCriteria(doc(p('Given a'), p('When b'), p('Then c'), p('And d'), p('The end')));

    expect(found).toEqual([{ format: 'gherkin', text: 'Given a\nWhen b\nThen c\nAnd d' }]);
  });

  it('parts scenarios that follow each other', () => {
    const found = acceptanceCriteria(
      doc(p('Scenario: one'), p('Given a'), p('Then b'), p('Scenario: two'), p('When c'), p('Then d')),
    );

    expect(found.map((one) => one.text)).toEqual(['Scenario: one\nGiven a\nThen b', 'Scenario: two\nWhen c\nThen d']);
  });

  it('takes every point under the heading, until a heading as high', () => {
    const found = acceptanceCriteria(
      doc(h('Acceptance criteria:'), ul('First *point*', 'Second'), h('Detail', 3), p('Third'), h('Links'), p('None')),
    );

    expect(found).toEqual([
      { format: 'text', text: 'First \\*point\\*' },
      { format: 'text', text: 'Second' },
      { format: 'text', text: 'Third' },
    ]);
  });

  it('recognises Gherkin among points', () => {
    const found = acceptanceCriteria(
      doc(h('Acceptance Criteria'), ul('Given a', 'When b', 'Then c'), p('And it is fast')),
    );

    expect(found).toEqual([{ format: 'gherkin', text: 'Given a\nWhen b\nThen c\nAnd it is fast' }]);
  });

  it('does not take prose that begins with a keyword', () => {
    expect(
      acceptanceCriteria(doc(p('When I press the button the page is empty.'), p('Then nothing.'), p('x'))),
    ).toEqual([{ format: 'gherkin', text: 'When I press the button the page is empty.\nThen nothing.' }]);
    expect(acceptanceCriteria(doc(p('When I press the button the page is empty.')))).toEqual([]);
    expect(acceptanceCriteria(doc(p('Given the circumstances we should wait.')))).toEqual([]);
  });

  it('reads plain text with wiki markup', () => {
    const description =
      'Intro\n\nh3. Acceptance criteria\n* fast\n* small\n\n{code}\nGiven a\nThen b\n{code}\n\nh3. Other\nx';

    expect(acceptanceCriteria(description)).toEqual([
      { format: 'text', text: 'fast' },
      { format: 'text', text: 'small' },
      { format: 'gherkin', text: 'Given a\nThen b' },
    ]);
  });

  it('reads steps that stand in one line', () => {
    expect(acceptanceCriteria('Given a guest When they book Then a mail is sent')).toEqual([
      { format: 'gherkin', text: 'Given a guest\nWhen they book\nThen a mail is sent' },
    ]);
  });

  it.each([null, undefined, 7, {}, [], '', doc()])('finds nothing in %j', (description) => {
    expect(acceptanceCriteria(description)).toEqual([]);
  });
});
