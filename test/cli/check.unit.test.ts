import { describe, expect, it } from 'vitest';
import { parseCommand } from '../../src/cli/command';
import { runCli } from '../../src/cli/cli';
import { helpText } from '../../src/cli/help';
import type { Io } from '../../src/cli/io';
import type { CheckResult, Finding } from '../../src/results';

const finding: Finding = {
  code: 'zero-point',
  severity: 'error',
  node: 'x/Q',
  tensor: 'x',
  message: 'It has a zero point.',
  remedy: 'Quantize it with target: tensorrt.',
};

async function cli(findings: Finding[], ...more: string[]) {
  return cliWith({ findings, notes: [] }, ...more);
}

async function cliWith(
  { findings, notes }: Pick<CheckResult, 'findings' | 'notes'>,
  ...more: string[]
) {
  const out = { text: '', requests: [] as unknown[] };
  const io: Io = {
    cwd: '/home',
    stdout: { write: (text) => (out.text += text) },
    stderr: { write: () => true },
    client: {
      request: ((method: string, params: unknown) => {
        out.requests.push([method, params]);
        return Promise.resolve({
          model: '/home/m.onnx',
          target: 'tensorrt',
          nodes: 7,
          findings,
          notes,
        });
      }) as Io['client']['request'],
    },
    signal: new AbortController().signal,
    version: '1',
  };
  const code = await runCli(['check', 'm.onnx', '--target', 'tensorrt', ...more], io);
  return { code, ...out };
}

describe('vernier check', () => {
  it('asks the worker, prints findings and what to do, and ends with 3', async () => {
    const { code, text, requests } = await cli([finding]);
    expect(code).toBe(3);
    expect(requests).toEqual([['check', { model: '/home/m.onnx', target: 'tensorrt' }]]);
    expect(text).toMatch(/tensorrt refuses m\.onnx: 1 error, 0 warnings in 7 nodes/);
    expect(text).toMatch(/error +zero-point +x\/Q +It has a zero point\./);
    expect(text).toContain('zero-point: Quantize it with target: tensorrt.');
  });

  it.each<[string, Finding[], number]>([
    ['nothing', [], 0],
    ['a warning', [{ ...finding, severity: 'warning' }], 0],
    ['an error', [{ ...finding, severity: 'warning' }, finding], 3],
  ])('%s', async (_, findings, wanted) => {
    const { code, text } = await cli(findings, '--json');
    expect(code).toBe(wanted);
    expect(JSON.parse(text)).toMatchObject({
      model: 'm.onnx',
      target: 'tensorrt',
      accepted: wanted === 0,
      findings: findings.map(({ code: rule, severity }) => ({ code: rule, severity })),
    });
  });

  it('tells what else to know of the file', async () => {
    const note = { code: 'random-calibration', severity: 'warning', message: 'Random.' } as const;
    const told = { findings: [], notes: [{ ...note, remedy: 'Calibrate again.' }] };
    const { code, text } = await cliWith(told);
    expect(code).toBe(0);
    expect(text).toMatch(/0 warnings in 7 nodes\n\nwarning: Random\. Calibrate again\.\n$/);
    expect(JSON.parse((await cliWith(told, '--json')).text).notes).toMatchObject(told.notes);
  });

  it.each([[['check', 'm.onnx']], [['check', 'm.onnx', '--target', 'arm64']], [['check']]])(
    '%j is refused',
    (args) => {
      expect(() => parseCommand(args)).toThrow(expect.objectContaining({ code: 'cli.usage' }));
    },
  );

  it('has a help text', () => expect(helpText('check')).toContain('--target'));
});
