import { defineConfig } from 'vitest/config';

/**
 * The rungs of the test ladder, by file suffix:
 * `.unit.test.ts` runs in milliseconds and without the runtime; `.integration.test.ts` may run models
 * and start worker processes. The end-to-end tests are no vitest: `npm run e2e`.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    // for test/lib/property.ts
    provide: {
      properties: { seed: Number(process.env.SEED ?? 1), times: Number(process.env.RUNS ?? 1) },
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.unit.test.{ts,tsx}'],
          environment: 'node',
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.integration.test.ts'],
          environment: 'node',
          pool: 'forks', // a native crash ends one file's process, not the run
          testTimeout: 120_000,
          hookTimeout: 120_000,
          globalSetup: ['test/house/build.setup.ts'],
        },
      },
    ],
  },
});
