import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type HttpStub, startHttpStub } from './http-stub.js';

describe('an HTTP stub', () => {
  let stub: HttpStub;

  beforeAll(async () => {
    stub = await startHttpStub();
  });
  afterAll(() => stub.stop());

  it('answers what is expected, and then is content', async () => {
    stub.expect({ method: 'POST', path: '/issues', body: { key: 'A-1' }, reply: { status: 201, body: { id: 7 } } });

    const response = await fetch(`${stub.url}/issues`, { method: 'POST', body: JSON.stringify({ key: 'A-1' }) });

    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ id: 7 });
    stub.verify();
  });

  it('complains of a request that nobody expects', async () => {
    await fetch(`${stub.url}/secret?x=1`);

    expect(() => {
      stub.verify();
    }).toThrow(/unexpected: GET \/secret/);
  });

  it('complains of an expected request that came once too often', async () => {
    stub.expect({ method: 'GET', path: '/once', reply: { body: 'ok' } });

    await fetch(`${stub.url}/once`);
    await fetch(`${stub.url}/once`);

    expect(() => {
      stub.verify();
    }).toThrow(/unexpected: GET \/once/);
  });

  it('complains of an expected request that never came', () => {
    stub.expect({ method: 'GET', path: '/never', times: 2, reply: {} });

    expect(() => {
      stub.verify();
    }).toThrow(/never came: GET \/never \(2 ×\)/);
  });

  it('ends the connection when told to', async () => {
    stub.expect({ method: 'GET', path: '/broken', reply: { hangUp: true } });

    await expect(fetch(`${stub.url}/broken`)).rejects.toThrow();
    stub.verify();
  });
});
