/** A statement that PostgreSQL plans once a connection; the name must be unique within the service. */
export interface Statement {
  name: string;
  text: string;
  /** It finds few rows by an index. Reads of one turn of the event loop then share a connection and a round trip. */
  isLookup?: boolean;
}

/** Declares a statement for `read` and for a transaction's `query`. */
export function statement(name: string, text: string): Statement {
  return { name, text };
}

/** Declares a statement that finds few rows by an index: others may wait behind it. */
export function lookup(name: string, text: string): Statement {
  return { name, text, isLookup: true };
}

/** A list that is read page by page, with the count of all its rows. */
export interface PagedStatement {
  rows: Statement;
  count: Statement;
}

/** The parts of a list. */
export interface PagedParts {
  select: string;
  /** What follows FROM, with its conditions. */
  from: string;
  /** What follows ORDER BY; it must leave no two rows equal, or they could change pages. */
  order: string;
  /** How many parameters the parts have; the page's own two follow them. */
  parameters: number;
}

/** Declares a list for `readPage`. Counted apart from its rows: a page behind the last one has none to carry a total. */
export function pagedStatement(name: string, { select, from, order, parameters }: PagedParts): PagedStatement {
  const [limit, offset] = [`$${String(parameters + 1)}`, `$${String(parameters + 2)}`];
  return {
    rows: statement(name, `SELECT ${select} FROM ${from} ORDER BY ${order} LIMIT ${limit} OFFSET ${offset}`),
    count: statement(`${name}-count`, `SELECT count(*)::int AS total FROM ${from}`),
  };
}

/** Orders of a list by each of some columns, and descending with a leading hyphen; `id` tells equal rows apart. */
export function ordersBy<Field extends string>(
  columns: Record<Field, string>,
  id: string,
): Record<Field | `-${Field}`, string> {
  const orders = Object.entries<string>(columns).flatMap(([field, column]) => [
    [field, `${column}, ${id}`],
    [`-${field}`, `${column} DESC, ${id} DESC`],
  ]);
  return Object.fromEntries(orders) as Record<Field | `-${Field}`, string>;
}

/** Declares a list once for each of its orders: a caller chooses one, and none is made of what a caller sends. */
export function sortedStatements<Sort extends string>(
  name: string,
  orders: Record<Sort, string>,
  parts: Omit<PagedParts, 'order'>,
): Record<Sort, PagedStatement> {
  const lists = Object.entries<string>(orders).map(([sort, order]) => {
    const { rows, count } = pagedStatement(`${name}-by-${sort}`, { ...parts, order });
    // One for all orders: they count the same rows.
    return [sort, { rows, count: { ...count, name: `${name}-count` } }];
  });
  return Object.fromEntries(lists) as Record<Sort, PagedStatement>;
}
