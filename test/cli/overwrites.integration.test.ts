/** What a command reads is what it was, whatever file it is told to write. */
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/cli';
import { calibrateRecipe } from '../../src/jobs/calibrate';
import { dequantizeFile, type DequantizeRequest } from '../../src/jobs/dequantize';
import { diffFiles, type DiffRequest } from '../../src/jobs/diff';
import { fusionReport, type FusionsRequest } from '../../src/jobs/fusions';
import { Memory } from '../../src/jobs/memory';
import { mergeFiles } from '../../src/jobs/merge';
import { planRecipe } from '../../src/jobs/mixed';
import type {
  CalibrateRequest,
  PlanRequest,
  RunRequest,
  SearchRequest,
  SensitivityRequest,
} from '../../src/jobs/protocol';
import { runRecipe } from '../../src/jobs/run';
import { searchRecipe } from '../../src/jobs/search';
import { sensitivityOf } from '../../src/jobs/sensitivity';
import { saveModel } from '../../src/onnx';
import { temporaryFolder } from '../lib/files';
import { WORKER } from '../lib/job';
import { classifier, project } from '../lib/project';

const folder = temporaryFolder();
let net: Awaited<ReturnType<typeof project>>;

const KEPT = [
  'net.onnx',
  'net.quant.yaml',
  'calibration.npy',
  'evaluation.npy',
  'labels.npy',
  'mine.mjs',
  'beside.onnx',
  'beside.onnx.data',
  'self.quant.yaml',
  'one.json',
  'two.json',
];
const contents = () => KEPT.map((name) => readFileSync(net.at(name), 'hex'));

/** A command line with the worker's jobs in this process. */
async function cli(...args: string[]) {
  const memory = new Memory();
  const hooks = { progress: () => undefined, partial: () => undefined };
  const jobs = {
    calibrate: (request: CalibrateRequest) => calibrateRecipe(request, memory, hooks, WORKER),
    merge: ({ files, output }: { files: string[]; output: string }) => mergeFiles(files, output),
    run: (request: RunRequest) => runRecipe(request, memory, hooks, WORKER),
    plan: (request: PlanRequest) => planRecipe(request, memory, hooks, WORKER),
    sensitivity: (request: SensitivityRequest) => sensitivityOf(request, memory, hooks),
    search: (request: SearchRequest) => searchRecipe(request, memory, hooks, WORKER),
    fusions: (request: FusionsRequest) => fusionReport(request, hooks, WORKER),
    diff: (request: DiffRequest) => diffFiles(request, memory, hooks, WORKER),
    dequantize: (request: DequantizeRequest) => dequantizeFile(request, () => undefined),
  };
  let out = '';
  const status = await runCli([...args, '--json'], {
    cwd: net.at(''),
    stdout: { write: (text) => (out += text) },
    stderr: { write: () => undefined },
    client: {
      request: (method, params) => jobs[method as keyof typeof jobs](params as never) as never,
    },
    signal: new AbortController().signal,
    version: '1.2.3',
  });
  return { status, json: JSON.parse(out) as { error?: { code: string; remedy: string } } };
}

beforeAll(async () => {
  net = await project(folder, 'net');
  net.write();
  net.put('mine.mjs', 'export default () => 1;\n');
  net.put(
    'self.quant.yaml',
    'model: net.onnx\noutput: self.quant.yaml\ncalibration: { data: calibration.npy }\n',
  );
  await saveModel(classifier(), net.at('beside.onnx'), { weights: 'external' });
  mkdirSync(net.at('linked'));
  symlinkSync(net.at('net.onnx'), net.at('linked/model.onnx'));
  symlinkSync(net.at(''), net.at('linked/folder'));
  // reports have names of their own: links lead from those to what is read
  symlinkSync(net.at('net.onnx'), net.at('model.html'));
  symlinkSync(net.at('labels.npy'), net.at('report.html'));
  for (const [i, name] of ['one.json', 'two.json'].entries())
    expect(
      await cli('calibrate', 'net.quant.yaml', '--shard', `${i + 1}/2`, '-o', name),
    ).toMatchObject({ status: 0 });
}, 60_000);

const MODEL = 'recipe.overwrites-model';
const FILE = 'recipe.overwrites-file';

describe('what would overwrite what it reads', () => {
  it.each([
    [MODEL, 'calibrate net.onnx --data calibration.npy -o net.onnx'],
    [MODEL, 'calibrate net.onnx --data calibration.npy -o ./linked/../net.onnx'],
    [MODEL, 'calibrate net.onnx --data calibration.npy -o linked/model.onnx'],
    [MODEL, 'calibrate net.onnx --data calibration.npy -o linked/folder/net.onnx'],
    [MODEL, 'calibrate net.onnx --data calibration.npy --export aimet=net.onnx'],
    [MODEL, 'calibrate beside.onnx --data calibration.npy -o beside.onnx.data'],
    [FILE, 'calibrate net.onnx --data calibration.npy --export aimet=calibration.npy'],
    [FILE, 'calibrate net.onnx --data calib*.npy -o calibration.npy'],
    [FILE, 'calibrate net.onnx --data linked/folder -o calibration.npy'],
    [FILE, 'calibrate net.onnx --data calibration.npy --shard 1/2 -o calibration.npy'],
    [FILE, 'calibrate net.quant.yaml -o net.quant.yaml'],
    [FILE, 'calibrate net.quant.yaml -o labels.npy'],
    [FILE, 'calibrate net.quant.yaml -o evaluation.npy'],
    [FILE, 'calibrate net.onnx --data calibration.npy -o x.json --export aimet=x.json'],
    [
      FILE,
      'calibrate net.onnx --data calibration.npy --export aimet=x.json --export tensorrt=x.json',
    ],
    [FILE, 'calibrate net.onnx --statistics one.json --export aimet=one.json'],
    [FILE, 'merge one.json two.json -o one.json'],
    [FILE, 'merge one.json two.json -o linked/folder/two.json'],
    [FILE, 'quantize net.onnx --data calibration.npy -o calibration.npy --until quantize'],
    [FILE, 'quantize net.onnx --data calib*.npy -o linked/folder/calibration.npy'],
    [MODEL, 'quantize net.onnx --data calibration.npy -o linked/model.onnx'],
    [MODEL, 'quantize beside.onnx --data calibration.npy -o beside.onnx.data'],
    [FILE, 'quantize net.onnx --data calibration.npy -o net.quant.yaml'],
    [
      FILE,
      'quantize net.onnx --data calibration.npy --evaluate.data evaluation.npy --evaluate.metric mine.mjs -o mine.mjs',
    ],
    [
      FILE,
      'quantize net.onnx --data calibration.npy --evaluate.data evaluation.npy --evaluate.labels labels.npy -o labels.npy',
    ],
    [FILE, 'run self.quant.yaml'],
    [FILE, 'run net.quant.yaml --report report.html'],
    [MODEL, 'plan net.quant.yaml --report model.html'],
    [MODEL, 'sensitivity net.quant.yaml --report model.html'],
    [MODEL, 'auto net.onnx --data calibration.npy --recipe net.onnx'],
    [MODEL, 'fusions net.onnx --report model.html'],
    [MODEL, 'diff net.onnx beside.onnx --report model.html'],
    [MODEL, 'dequantize beside.onnx -o beside.onnx.data'],
    [FILE, 'dequantize net.onnx --data calibration.npy -o calibration.npy'],
  ])('%s: %s', async (code, line) => {
    const before = contents();
    const { status, json } = await cli(...line.split(' '));
    expect(json.error).toMatchObject({ code, remedy: expect.stringContaining('name') });
    expect(status).toBe(2);
    expect(contents()).toEqual(before);
  });
});
