/** Places that a ticket can name. */
const PLACES = 2 ** 20;
/** No ticket. */
const NONE = -1;

/**
 * What has begun and not ended. Not a Map or Set: V8 makes their tables anew every so many changes, and each leads to the
 * next (`OrderedHashTable::SetNextTable`): once one has grown old, all that the later ones held grows old with it. Of
 * 50 objects at a time half did with a Map, which cost some ten times the collecting (tests/bench/in-flight.js).
 */
export class InFlight<T> {
  private readonly values: (T | undefined)[] = [];
  private readonly tickets: number[] = [];
  private readonly free: number[] = [];
  private turn = 0;

  get size(): number {
    return this.values.length - this.free.length;
  }

  /** The ticket with which it is taken out; no other will have the same. */
  add(value: T): number {
    const place = this.free.pop() ?? this.values.length;
    this.turn += 1;
    const ticket = this.turn * PLACES + place;
    this.values[place] = value;
    this.tickets[place] = ticket;
    return ticket;
  }

  /** What was put in; undefined where it was taken out already, or never in. */
  take(ticket: number): T | undefined {
    const place = ticket % PLACES;
    if (this.tickets[place] !== ticket) return undefined;
    const value = this.values[place];
    this.values[place] = undefined;
    this.tickets[place] = NONE;
    this.free.push(place);
    return value;
  }

  /** All of it, in no order. */
  list(): T[] {
    return this.values.filter((value) => value !== undefined);
  }
}
