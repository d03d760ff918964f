import type { IncomingHttpHeaders } from 'node:http';
import { v7 as uuidv7 } from 'uuid';

const LEGAL = /^[A-Za-z0-9_.:-]{1,128}$/;

/** The id that ties together all that this request causes: the client's where it is legal, else a new one. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'] ?? headers['x-correlation-id'];
  return typeof given === 'string' && LEGAL.test(given) ? given : uuidv7();
}
