import { describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { SettingsSampler } from './tracing-sdk.js';

describe('the sampler', () => {
  it('follows the ratio of the settings when it changes', () => {
    const settings = { sampleRatio: 1 };
    const sampler = new SettingsSampler(settings);
    const isSampled = (): boolean =>
      sampler.shouldSample(ROOT_CONTEXT, 'f'.repeat(32)).decision === SamplingDecision.RECORD_AND_SAMPLED;

    const decisions = [1, 0, 1].map((ratio) => {
      settings.sampleRatio = ratio;
      return isSampled();
    });

    expect(decisions).toEqual([true, false, true]);
  });
});
