import { describe, expect, it } from '@jest/globals';
import { StatusMap } from './status-map.js';

const status = (name: string, categoryKey: string | null = null, categoryId: number | null = null) => ({
  name,
  categoryKey,
  categoryId,
});

describe('StatusMap', () => {
  it.each([
    ['Ready for QA', 'ready_for_qa'],
    ['READY FOR TEST', 'ready_for_qa'],
    ['In QA', 'qa_in_progress'],
    ['in-test', 'qa_in_progress'],
    ['UAT', 'uat'],
  ])('knows the name %s, whatever its category', (name, expected) => {
    expect(new StatusMap().statusOf(status(name, 'new', 2))).toBe(expected);
  });

  it.each([
    ['new', null, 'backlog'],
    ['indeterminate', null, 'qa_in_progress'],
    ['done', null, 'done'],
    [null, 2, 'backlog'],
    [null, 4, 'qa_in_progress'],
    [null, 3, 'done'],
    [null, null, 'backlog'],
    [null, 1, 'backlog'],
  ])('falls back to category %s or %s', (key, id, expected) => {
    expect(new StatusMap().statusOf(status('Odd', key, id))).toBe(expected);
  });

  it('lets the configuration win', () => {
    const map = new StatusMap({ 'In Review': 'uat', uat: 'done' });

    expect([map.statusOf(status('in review', 'new')), map.statusOf(status('UAT'))]).toEqual(['uat', 'done']);
  });

  it('is not fooled by names of built-in properties', () => {
    expect(new StatusMap().statusOf(status('constructor', 'done'))).toBe('done');
  });
});
