import { EnumField, IntegerField, ListField, ObjectField, TextField } from './fields.js';
import type { DtoClass } from './message.js';

/** Query parameters of lists with pages. */
export class PageQuery {
  @IntegerField({ description: 'Page, from 1.', min: 1, max: 100_000, optional: true, example: 1 })
  page?: number;

  @IntegerField({ description: 'Rows a page.', min: 1, max: 100, optional: true, example: 20 })
  pageSize?: number;
}

/** Words that a list can be sorted by: each field, and descending with a leading hyphen. */
export function sortsOf<Field extends string>(...fields: Field[]): (Field | `-${Field}`)[] {
  return fields.flatMap((field) => [field, `-${field}` as const]);
}

/** The order of a list, one of a few words. */
export function SortField(values: readonly string[], byDefault: string): PropertyDecorator {
  const description = `Order; a leading hyphen is descending. Default: ${byDefault}.`;
  return EnumField({ description, values, optional: true });
}

export class Pagination {
  @IntegerField({ description: 'This page, from 1.', example: 1 })
  page!: number;

  @IntegerField({ description: 'Rows a page.', example: 20 })
  pageSize!: number;

  @IntegerField({ description: 'Rows in all.', example: 3 })
  totalItems!: number;

  @IntegerField({ description: 'Pages in all.', example: 1 })
  totalPages!: number;
}

/** `{data, pagination}` for rows that were counted. */
export function paged<T>(data: T[], totalItems: number, query: PageQuery): { data: T[]; pagination: Pagination } {
  const { page = 1, pageSize = 20 } = query;
  return { data, pagination: { page, pageSize, totalItems, totalPages: Math.ceil(totalItems / pageSize) } };
}

/** Class of `{data, pagination}` for OpenAPI and types. */
export function pageOf<T extends object>(item: DtoClass<T>): DtoClass<{ data: T[]; pagination: Pagination }> {
  class Page {
    @ListField(() => item, { description: 'The rows of this page.' })
    data!: T[];

    @ObjectField(() => Pagination, { description: 'Where this page stands.' })
    pagination!: Pagination;
  }
  Object.defineProperty(Page, 'name', { value: `${item.name}Page` });
  return Page;
}

/** Rows of a list without pages at most: an answer has at most 8 MB (docs/adr/0009), and no row less than 40 bytes. */
export const MAX_UNPAGED_ROWS = 200_000;

/** Class of `{data}` for lists that are short by nature. */
export function listOf<T extends object>(item: DtoClass<T>): DtoClass<{ data: T[] }> {
  class List {
    @ListField(() => item, { description: 'All rows.', maxItems: MAX_UNPAGED_ROWS })
    data!: T[];
  }
  Object.defineProperty(List, 'name', { value: `${item.name}List` });
  return List;
}

/** Class of `{data, nextCursor}`. */
export function cursorPageOf<T extends object>(item: DtoClass<T>): DtoClass<{ data: T[]; nextCursor: string | null }> {
  class CursorPage {
    @ListField(() => item, { description: 'The rows of this page.' })
    data!: T[];

    @TextField({ description: 'Send as `cursor` for the next page; null at the end.', max: 500, nullable: true })
    nextCursor!: string | null;
  }
  Object.defineProperty(CursorPage, 'name', { value: `${item.name}CursorPage` });
  return CursorPage;
}
