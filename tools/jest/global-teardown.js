import '../typescript-hooks.js';

/** Stops what the whole test run shared. */
export default async function globalTeardown() {
  const { tearDown } = await import('../../libs/testing/src/run-resources.ts');
  await tearDown();
}
