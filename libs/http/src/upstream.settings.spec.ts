import { describe, expect, it } from '@jest/globals';
import { Configuration, settingsOf } from '@qa-pms/platform';
import { upstreamSettings } from './upstream.settings.js';

class Demo extends upstreamSettings('demo.http', { ratePerSecond: 5 }) {}
class Other extends upstreamSettings('other.http') {}

describe('upstreamSettings', () => {
  it('gives each upstream keys of its own', () => {
    const environment = {
      DEMO_HTTP_TIMEOUT_MS: '1500',
      DEMO_HTTP_PRIVATE_HOSTS: '10.0.0.0/8',
      OTHER_HTTP_RETRIES: '1',
    };

    const configuration = Configuration.fromEnvironment(environment);
    const [demo, other] = [configuration.read(Demo), configuration.read(Other)];

    expect([demo.timeoutMs, demo.privateHosts, demo.retries]).toEqual([1_500, ['10.0.0.0/8'], 3]);
    expect([other.timeoutMs, other.privateHosts, other.retries]).toEqual([10_000, [], 1]);
  });

  it('starts from the defaults that are given', () => {
    const configuration = Configuration.fromEnvironment({});
    expect([configuration.read(Demo).ratePerSecond, configuration.read(Other).ratePerSecond]).toEqual([5, 20]);
  });

  it('describes every field', () => {
    const described = settingsOf(Demo).map(({ property }) => property);

    expect(described.sort()).toEqual(Object.keys(new Demo()).sort());
  });
});
