import { afterEach } from '@jest/globals';
import type { HttpStub } from './http-stub.js';

/** Verifies a stub after each test of the surrounding `describe`. */
export function verifyAfterEach(stub: () => HttpStub): void {
  afterEach(() => {
    stub().verify();
  });
}
