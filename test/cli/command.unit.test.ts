import { describe, expect, it } from 'vitest';
import { parseCommand } from '../../src/cli/command';
import { VernierError } from '../../src/errors';

const refusal = (line: string[]) => {
  try {
    parseCommand(line);
  } catch (error) {
    if (error instanceof VernierError) return error;
  }
  throw new Error('was not refused');
};

describe('parseCommand', () => {
  it.each([
    [[], { name: 'help', about: null }],
    [['--help'], { name: 'help', about: null }],
    [['help', 'run'], { name: 'help', about: 'run' }],
    [['quantize', 'm.onnx', '-h'], { name: 'help', about: 'quantize' }],
    [['-V'], { name: 'version' }],
    [['inspect', 'm.onnx'], { name: 'inspect', model: 'm.onnx', json: false, quiet: false }],
    [['fusions', 'm.onnx', '-q'], { name: 'fusions', model: 'm.onnx', json: false, quiet: true }],
    [
      ['fusions', 'm.onnx', '--measure', '--data', 'a.npy', '--threads=2', '--report', 'f.html'],
      { name: 'fusions', measure: true, data: ['a.npy'], threads: 2, report: 'f.html' },
    ],
    [['--json', 'inspect', '--', '-m.onnx'], { name: 'inspect', model: '-m.onnx', json: true }],
    [
      ['run', 'r.yaml', '--report=r.md', '--until', 'quantize', '-q'],
      {
        name: 'run',
        recipe: 'r.yaml',
        report: { file: 'r.md', format: 'markdown' },
        until: 'quantize',
        quiet: true,
      },
    ],
    [
      ['run', 'r.yaml', '--report', 'a.HTML', '--report', 'b.html'],
      { report: { file: 'b.html', format: 'html' }, until: 'all' },
    ],
    [
      ['choose', 'm.onnx', '--data', 'x.npz', '--modes', 'static,dynamic', '--json'],
      {
        name: 'choose',
        subject: 'm.onnx',
        flags: { 'calibration.data': 'x.npz' },
        modes: ['static', 'dynamic'],
        json: true,
      },
    ],
    [
      ['calibrate', 'm.onnx', '--data', 'x.npz', '--shard', '2/8', '-o', 'part.json'],
      {
        name: 'calibrate',
        subject: 'm.onnx',
        flags: { 'calibration.data': 'x.npz' },
        shard: { index: 2, of: 8 },
        output: 'part.json',
        exports: [],
      },
    ],
    [
      ['calibrate', 'r.yaml', '--export', 'tensor-quant-overrides=a=b.json', '--export=aimet=c'],
      {
        name: 'calibrate',
        subject: 'r.yaml',
        flags: null,
        shard: null,
        output: null,
        exports: [
          { format: 'overrides', file: 'a=b.json' },
          { format: 'aimet', file: 'c' },
        ],
      },
    ],
    [['merge', 'a', 'b', '-o', 'c'], { name: 'merge', files: ['a', 'b'], output: 'c' }],
    [
      ['choose', 'r.quant.yaml'],
      { name: 'choose', subject: 'r.quant.yaml', flags: null, modes: null },
    ],
    [
      ['auto', 'm.onnx', '--data', 'x.npz', '--minutes', '0.5', '--recipe', 'r.quant.yaml'],
      {
        name: 'auto',
        flags: { 'calibration.data': 'x.npz' },
        minutes: 0.5,
        write: false,
        recipe: 'r.quant.yaml',
      },
    ],
    [
      ['sensitivity', 'r.quant.yaml', '--measure', 'kl', '--minutes', '3', '--report', 's.html'],
      {
        ...{ name: 'sensitivity', subject: 'r.quant.yaml', flags: null, stage: null },
        ...{ measure: 'kl', top: null, minutes: 3, report: { file: 's.html', format: 'html' } },
      },
    ],
    [
      [
        ...['sensitivity', 'm.onnx', '--data', 'x.npz', '--stage=two-pass'],
        ...['--measure=metric', '--top', '3'],
      ],
      {
        name: 'sensitivity',
        flags: { 'calibration.data': 'x.npz' },
        stage: 'two-pass',
        measure: 'metric',
        top: 3,
      },
    ],
    [
      ['quantize', 'm.onnx', '--data', 'x.npz', '--stage', 'analytic'],
      { flags: { 'calibration.data': 'x.npz', 'sensitivity.stage': 'analytic' } },
    ],
    [
      ['auto', 'r.quant.yaml', '--write', '--report', 'r.html'],
      { name: 'auto', flags: null, minutes: null, write: true, report: { format: 'html' } },
    ],
  ])('%j', (line, wanted) => expect(parseCommand(line)).toMatchObject(wanted));

  it('reads the flags of quantize as recipe keys', () => {
    const command = parseCommand([
      'quantize',
      'm.onnx',
      '--data',
      'images/*.jpg',
      '--mode=static',
      '-o',
      'out.onnx',
      '--calibration.samples',
      '64',
      '--quantization.weights.granularity',
      'tensor',
      '--keep_fp32',
      '/head/*',
      '--keep-fp32',
      'op:Softmax',
      '--limits.p99-ms',
      '5',
      '--inputs.my.input.shape',
      '[1, 8]',
      '--recipe',
      'r.yaml',
    ]);
    expect(command).toMatchObject({
      name: 'quantize',
      model: 'm.onnx',
      recipe: 'r.yaml',
      flags: {
        'calibration.data': 'images/*.jpg',
        'quantization.mode': 'static',
        output: 'out.onnx',
        'calibration.samples': '64',
        'quantization.weights.granularity': 'tensor',
        keep_fp32: ['/head/*', { op: 'Softmax' }],
        'limits.p99_ms': '5',
        'inputs.my.input.shape': '[1, 8]',
      },
    });
  });

  it.each([
    [['quantise', 'm.onnx'], /no command/, /quantize/],
    [['m.onnx'], /What shall be done/, /vernier inspect m\.onnx/],
    [['r.quant.yaml'], /What shall be done/, /vernier run/],
    [['inspect'], /Which model/, /vernier inspect MODEL/],
    [['run', 'm.onnx'], /is a model/, /vernier quantize m\.onnx/],
    [['quantize', 'r.quant.yaml'], /is a recipe/, /vernier run r\.quant\.yaml/],
    [['check', 'r.yaml', '--target', 'onnx'], /is a recipe/, /model that is in it/],
    [['run', 'a', 'b'], /'b' is one recipe too many/, /globs in quotes/],
    [['inspect', 'm', '--report', 'r.html'], /inspect has no flag --report/, /--help/],
    [['run', 'r', '--reprot', 'x.md'], /no flag --reprot/, /--report/],
    [['run', 'r', '--keep_fp32', 'x'], /no flag --keep_fp32/, /flags of quantize/],
    [['calibrate', 'r.yaml', '--data', 'x'], /no flag --data/, /calibrate for a model/],
    [['calibrate', 'm.onnx', '--shard', '0/8'], /I from 1 to N/, /2\/8/],
    [['calibrate', 'm.onnx', '--shard', '9/8'], /I from 1 to N/, /2\/8/],
    [['calibrate', 'm.onnx', '--export', 'tensort=x'], /no format 'tensort'/, /tensorrt/],
    [['calibrate', 'm.onnx', '--export', 'aimet'], /needs a file/, /aimet=FILE/],
    [['calibrate', 'm.onnx', '--shard', '1/2', '--export', 'aimet=x'], /no ranges/, /--statistics/],
    [['merge', '-o', 'x'], /Which statistics/, /vernier merge/],
    [['merge', 'a', 'b'], /Where/, /-o FILE/],
    [['auto', 'm.onnx', '--write'], /a model is none/, /--recipe FILE/],
    [['auto', 'r.yaml', '--recipe', 'x.yaml'], /for a model/, /--write/],
    [['auto', 'r.yaml', '--minutes', '0'], /number above 0/, /./],
    [['sensitivity', 'r.yaml', '--measure', 'mse'], /sqnr, cosine, kl/, /--help/],
    [['sensitivity', 'r.yaml', '--stage', 'all'], /analytic, two-pass, exact/, /--help/],
    [['sensitivity', 'r.yaml', '--top', '3'], /of how many layers/, /--measure metric/],
    [['choose', 'r.yaml', '--data', 'x'], /no flag --data/, /flags of quantize/],
    [['choose', 'm.onnx', '--modes', 'auto'], /static, dynamic/, /--help/],
    [['choose', 'm.onnx', '--modes', 'float32'], /static, dynamic/, /--help/],
    [['run', 'r', '--report', 'x.pdf'], /\.html or \.md/, /--help/],
    [['run', 'r', '--until', 'soon'], /calibrate, quantize/, /--help/],
    [['quantize', 'm', '--dta', 'x'], /no flag --dta/, /--data/],
    [['quantize', 'm', '--calibration.sample', '3'], /no flag/, /--calibration\.samples/],
    [['quantize', 'm', '--data'], /needs a value/, /--help/],
    [['quantize', 'm', '--data', '--json'], /'--json' is the next flag/, /--data=--json/],
    [['quantize', 'm', '--model', 'x'], /without a flag/, /--help/],
    [['run', 'r', '--json=yes'], /--json takes no value/, /--help/],
    [['run', 'r', '-x'], /no flag -x/, /--help/],
  ])('refuses %j', (line, message, remedy) => {
    const error = refusal(line);
    expect(error.code).toBe('cli.usage');
    expect(error.message).toMatch(message);
    expect(error.place.remedy).toMatch(remedy);
  });
});
