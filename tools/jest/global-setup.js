import '../typescript-hooks.js';

/** Starts what the whole test run shares. */
export default async function globalSetup() {
  const { setUp } = await import('../../libs/testing/src/run-resources.ts');
  await setUp();
}
