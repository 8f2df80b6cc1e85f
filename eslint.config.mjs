import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import prettier from 'eslint-config-prettier';
import ts from 'typescript-eslint';

/**
 * The floors of the house: room → the rooms that it may import (CONTRIBUTING.md, "The house").
 * Data flows one way; a room stands above all that it imports. Everything else here follows from
 * this table, and test/house checks the whole import graph against it.
 */
export const rooms = {
  'src/onnx': [],
  'src/numeric': [],
  'src/runtime': ['src/onnx', 'src/numeric'],
  'src/data': ['src/onnx', 'src/numeric'],
  'src/quantize': ['src/onnx', 'src/numeric', 'src/runtime', 'src/data'],
  'src/train': ['src/onnx', 'src/numeric', 'src/runtime', 'src/data'],
  'src/analyze': [
    'src/onnx',
    'src/numeric',
    'src/runtime',
    'src/data',
    'src/quantize',
    'src/train',
  ],
  'src/finance': ['src/onnx', 'src/numeric', 'src/runtime', 'src/data'],
  'src/recipe': ['src/onnx', 'src/numeric'],
  'src/jobs': [
    'src/onnx',
    'src/numeric',
    'src/runtime',
    'src/data',
    'src/quantize',
    'src/train',
    'src/analyze',
    'src/finance',
    'src/recipe',
  ],
  'src/report': [],
  'src/cli': ['src/jobs', 'src/report', 'src/recipe'],
  'src/extension': ['src/jobs', 'src/report', 'src/recipe'],
  webview: [],
};

/** Floor 0: single files of plain types (and tiny pure functions) → the rooms that may import them. */
export const ground = {
  'src/errors': Object.keys(rooms),
  'src/results': Object.keys(rooms),
  // parts of it: everyone takes them from src/results
  'src/results-calibration': [],
  'src/results-choice': [],
  'src/results-diff': [],
  'src/results-fusions': [],
  'src/results-latency': [],
  'src/results-model': [],
  'src/results-noise': [],
  'src/results-search': [],
  'src/results-terms': [],
  // builds on src/results, which therefore cannot give it on
  'src/results-mixed': ['src/analyze', 'src/jobs', 'src/report', 'src/cli', 'src/extension'],
  'src/results-sensitivity': ['src/jobs', 'src/report', 'src/cli', 'src/extension'],
  'src/protocol': ['src/extension', 'webview'],
  'src/resume': ['src/quantize', 'src/analyze', 'src/jobs'],
};

/** Packages with one door: [package, the files that may import it, why, whether types may go anywhere]. */
const doors = [
  ['vscode', ['src/extension/**'], 'only src/extension talks to the editor', true],
  [
    'onnxruntime-node',
    ['src/runtime/**'],
    'only src/runtime runs models, so that one room knows the runtime and only the worker loads it',
    false,
  ],
  [
    '@vscode/webview-ui-toolkit',
    ['webview/toolkit.ts'],
    'one file knows the toolkit, so that another can take its place',
    false,
  ],
];

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** Paths below a folder: how often `../` leads out of its room → the pattern for the files there. */
const depths = [
  [1, '*.{ts,tsx}'],
  [2, '*/*.{ts,tsx}'],
  [3, '*/*/*.{ts,tsx}'],
];

function doorPatterns(file) {
  return doors
    .filter(([, files]) => !files.some((allowed) => file.startsWith(allowed.replace('**', ''))))
    .map(([name, , reason, allowTypeImports]) => ({
      regex: `^${escape(name)}(/|$)`,
      message: `${name}: ${reason}.`,
      allowTypeImports,
    }));
}

/** The rules of one room: nothing is imported that is not below it. */
function floor(room) {
  const allowed = new Set([room, ...rooms[room]]);
  const banned = [
    ...Object.keys(rooms).filter((other) => !allowed.has(other)),
    ...Object.keys(ground).filter((file) => !ground[file].includes(room)),
  ];
  const may = rooms[room].length ? rooms[room].join(', ') : 'no other room';
  return depths.map(([depth, files]) => {
    const up = `^${'\\.\\./'.repeat(depth)}`;
    // a room of src/ is one level nearer than webview/
    const way = (target) => {
      const [from, to] = [room.startsWith('src/'), target.startsWith('src/')];
      if (from && to) return escape(target.slice('src/'.length));
      return (from ? '\\.\\.\\/' : '') + escape(target);
    };
    return {
      files: [`${room}/${files}`],
      rules: {
        '@typescript-eslint/no-restricted-imports': [
          'error',
          {
            patterns: [
              ...doorPatterns(`${room}/`),
              ...banned.map((target) => ({
                regex: `${up}${way(target)}(/|$)`,
                message: `${room} stands below ${target} or beside it: it may import ${may} (DESIGN: nothing imports upwards).`,
              })),
            ],
          },
        ],
      },
    };
  });
}

export default defineConfig(
  {
    ignores: [
      'dist/**',
      'artifacts/**',
      'out/**',
      '.cache/**',
      '.vernier/**',
      'src/onnx/gen/**',
      'samples/**/.vernier/**',
      '**/node_modules/**',
      'test/e2e/fixtures/**/*.js',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [ts.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './webview/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off', // an async function may keep a contract without waiting
      '@typescript-eslint/return-await': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-meaningless-void-operator': 'error',
      '@typescript-eslint/no-dynamic-delete': 'error',
      '@typescript-eslint/no-extraneous-class': 'error',
      '@typescript-eslint/no-invalid-void-type': 'error',
      '@typescript-eslint/no-unnecessary-boolean-literal-compare': 'error',
      '@typescript-eslint/prefer-reduce-type-parameter': 'error',
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }], // `!= null`: neither null nor undefined
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['src/**/*.ts', 'webview/**/*.{ts,tsx}'],
    rules: { 'no-console': ['error', { allow: ['warn', 'error'] }] },
  },
  { files: ['src/cli/**/*.ts'], rules: { 'no-console': 'off' } },
  ...Object.keys(rooms).flatMap(floor),
  {
    files: ['webview/toolkit.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': 'off' },
  },
  {
    files: ['src/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^\\./.+/', message: 'Floor 0 imports no room: it is types for all of them.' },
            ...doorPatterns('src/'),
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.{ts,tsx}'],
    rules: {
      // tests read JSON of unknown shape and hold mocks; what they assert is checked by running them
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['test/**/*.{ts,tsx}'],
    ignores: ['test/lib/property.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          name: 'fast-check',
          message: 'Import it from test/lib/property: the same cases in every run.',
        },
      ],
    },
  },
  {
    files: ['**/*.{mjs,cjs,js}'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'console',
          'process',
          'performance',
          'Buffer',
          'URL',
          'fetch',
          'setTimeout',
          'clearTimeout',
          'setInterval',
          'clearInterval',
          'structuredClone',
          'TextDecoder',
          'TextEncoder',
          'AbortSignal',
          'AbortController',
          // what runs inside the page, in the e2e library
          'window',
          'document',
          'Element',
          'requestIdleCallback',
        ].map((name) => [name, 'readonly']),
      ),
    },
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_' }] },
  },
  prettier,
);
