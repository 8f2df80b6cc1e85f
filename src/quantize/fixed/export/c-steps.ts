/** One step as a C function without arguments, between the buffers of its tensors. */
import { formatText } from '../format';
import type { FixedProgram, FixedStep, FixedTensor, Requantize } from '../program';
import { kernelOf } from './c-kernels';
import { inComment, number } from './c-text';
import { stepSummary } from './summary';

/** What a step's text refers to. */
export interface StepNames {
  prefix: string;
  tensors: ReadonlyMap<string, FixedTensor>;
  /** Buffer of a tensor. */
  bufferOf: (tensor: string) => string;
}

const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);
const list = (values: readonly number[]) => `{ ${values.join(', ')} }`;
/** Three spatial axes: ones in front where there are fewer. */
const three = (values: readonly number[], fill = 1) =>
  list([...new Array<number>(3 - values.length).fill(fill), ...values]);

/** The function of step `i`. */
export function stepText(program: FixedProgram, i: number, names: StepNames): string {
  const step = program.steps[i]!;
  const { prefix: p } = names;
  const { inputs, weight, bias, accumulator, output } = stepSummary(step, names.tensors);
  const parts = [inputs.join(', '), weight && `weights ${weight}`, bias && `bias ${bias}`];
  const about = `${step.op} '${step.name}': ${parts.filter(Boolean).join(', ')}, sum ${accumulator}, result ${output}`;
  const lines = [...declarations(step, i, names), ...calls(step, i, names)];
  return `/* ${i}: ${inComment(about)} */\nstatic inline void ${p}_step${i}(void) {\n${lines.map((l) => `  ${l}\n`).join('')}}\n`;
}

function declarations(step: FixedStep, i: number, names: StepNames): string[] {
  const { prefix: p, tensors, bufferOf } = names;
  const lines: string[] = [];
  if (step.requantize) lines.push(requantizeText(step.requantize, i, p));
  if ('kernel' in step) lines.push(windowText(step, names));
  const kernel = kernelOf(step.op);
  if (kernel === 'pair')
    lines.push(...broadcastText(step as Parameters<typeof broadcastText>[0], tensors));
  const buffer = bufferOf(step.output);
  const sum = isSum(tensors.get(step.output)!);
  lines.push(`${p}_out y = { ${sum ? `NULL, ${buffer}` : `${buffer}, NULL`} };`);
  return lines;
}

/** A tensor that no quantizer gave a format holds whole sums. */
export function isSum({ name, stands, role }: FixedTensor): boolean {
  return role === 'output' && name === stands;
}

function requantizeText({ shift, low, high }: Requantize, i: number, p: string): string {
  const [one, many] = typeof shift === 'number' ? [shift, 'NULL'] : [0, `${p}_s${i}`];
  return `static const ${p}_requantize to = { ${one}, ${many}, ${number(low)}, ${number(high)} };`;
}

type Windowed = Extract<FixedStep, { kernel: number[] }>;

function windowText(step: Windowed, { prefix: p, tensors }: StepNames): string {
  const { shape } = tensors.get(step.inputs[0]!)!;
  const outputs = step.op === 'conv' ? step.channels : shape[1]!;
  const group = step.op === 'conv' ? step.group : outputs;
  const axes = [
    three(shape.slice(2)),
    three(step.kernel),
    three(step.dims.slice(2)),
    three(step.strides),
    three(step.dilations),
    three(step.begin, 0),
  ];
  return `static const ${p}_window w = { ${shape[0]}, ${shape[1]}, ${outputs}, ${group}, ${axes.join(', ')} };`;
}

function broadcastText(
  step: Extract<FixedStep, { align: [number, number] }>,
  tensors: ReadonlyMap<string, FixedTensor>,
): string[] {
  const dims = step.dims.length > 0 ? step.dims : [1];
  const shapes = step.inputs.map((name) => tensors.get(name)!.shape);
  if (step.constant) shapes.splice(step.constant.first ? 0 : 1, 0, step.constant.shape);
  const [a, b] = shapes.map((shape) => stridesIn(shape, dims)) as [number[], number[]];
  return [
    `static const int dims[] = ${list(dims)};`,
    `static const int sa[] = ${list(a)};`,
    `static const int sb[] = ${list(b)};`,
  ];
}

/** Strides of an operand along the axes of the result; 0 where it is repeated. */
function stridesIn(shape: readonly number[], out: readonly number[]): number[] {
  const strides = new Array<number>(out.length).fill(0);
  let step = 1;
  for (let i = 1; i <= shape.length; i++) {
    const size = shape[shape.length - i]!;
    if (size !== 1) strides[out.length - i] = step;
    step *= size;
  }
  return strides;
}

function calls(step: FixedStep, i: number, { prefix: p, tensors, bufferOf }: StepNames): string[] {
  const to = step.requantize ? '&to' : 'NULL';
  const constant = (letter: string, there = true) => (there ? `${p}_${letter}${i}` : 'NULL');
  const x = bufferOf(step.inputs[0]!);
  const size = product(step.dims);
  switch (step.op) {
    case 'conv':
      return [`${p}_conv(${x}, y, &w, ${constant('w')}, ${constant('b', !!step.bias)}, ${to});`];
    case 'matrix': {
      const sizes = `${step.rows}, ${step.depth}, ${step.columns}`;
      return [
        `${p}_matrix(${x}, y, ${sizes}, ${constant('w')}, ${constant('b', !!step.bias)}, ${to});`,
      ];
    }
    case 'add':
    case 'subtract':
    case 'multiply': {
      const operands = step.inputs.map(bufferOf);
      if (step.constant) operands.splice(step.constant.first ? 0 : 1, 0, constant('c'));
      const sign = { add: '+', subtract: '-', multiply: '*' }[step.op];
      const rank = Math.max(1, step.dims.length);
      return [
        `${p}_pair('${sign}', ${operands.join(', ')}, y, ${rank}, dims, sa, sb, ${step.align.join(', ')}, ${to});`,
      ];
    }
    case 'average-pool':
      return [`${p}_average_pool(${x}, y, &w, INT64_C(${step.divisor}), ${step.scale}, ${to});`];
    case 'max-pool':
      return [`${p}_max_pool(${x}, y, &w, ${to});`];
    case 'concat':
      return concatCalls(step, i, p, tensors, bufferOf);
    case 'table':
      return [`${p}_table(${x}, y, ${size}, ${constant('l')}, ${to});`];
    case 'move':
      return [`${p}_move(${x}, y, ${size}, ${constant('m')}, ${to});`];
    case 'view':
    case 'requantize':
      return [`${p}_each(${x}, y, ${size}, ${to});`];
  }
}

function concatCalls(
  step: Extract<FixedStep, { op: 'concat' }>,
  i: number,
  p: string,
  tensors: ReadonlyMap<string, FixedTensor>,
  bufferOf: (tensor: string) => string,
): string[] {
  const shapes = step.inputs.map((name) => tensors.get(name)!.shape);
  const runs = shapes.map((shape) => product(shape.slice(step.axis)));
  const stride = runs.reduce((a, b) => a + b, 0);
  const outer = product(shapes[0]!.slice(0, step.axis));
  let start = 0;
  return step.inputs.map((name, k) => {
    const place = `${outer}, ${runs[k]}, ${stride}, ${start}`;
    start += runs[k]!;
    return `${p}_concat(${bufferOf(name)}, y, ${place}, ${p}_s${i}[${k}], &to);`;
  });
}

/** Formats of a tensor, for a comment. */
export function tensorText({ shape, format, stands }: FixedTensor): string {
  return inComment(`${formatText(format)} [${shape.join(', ')}] '${stands}'`);
}
