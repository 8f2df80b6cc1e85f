import { roundHalfEven } from '../../numeric';
import { makeInt, makeTensor } from '../../onnx';
import type { ConstantWriter, QuantizedConstant, WeightSettings } from '../weights';
import { addToStep, type GateMatrix, type Projection } from './projection';
import type { Scope } from './scope';
import { quantizedMatrix } from './static-projection';

const CONTRIB = 'com.microsoft';

/** The kernel of the recurrent product. */
export type StepKernel = 'DynamicQuantizeMatMul' | 'MatMulNBits';

/**
 * The kernel that multiplies one step fastest. Measured with onnxruntime 1.30 on a processor with VNNI and AMX, 256 hidden
 * units (FP32 13.4 µs): one row 11.6 µs with DynamicQuantizeMatMul and 8.3 µs with MatMulNBits of 8 bits, four rows 14.8 and
 * 15.4 µs. Both quantize the state at every step. An open batch is taken as one sequence, the usual case of streaming.
 * MatMulNBits leaves no headroom in its codes, so processors without VNNI get the other one.
 */
export function stepKernel(batch: number | null, headroom: boolean): StepKernel {
  return (batch ?? 1) < 4 && !headroom ? 'MatMulNBits' : 'DynamicQuantizeMatMul';
}

/**
 * Products whose left side is quantized while the model runs; the result is float.
 * @param takesRows the batch is one sequence: what a step adds to its product goes in as the kernel's bias
 */
export function dynamicProjection(
  writer: ConstantWriter,
  weights: WeightSettings,
  kernel: StepKernel,
  takesRows: boolean,
): Projection & { readonly scales: number[] } {
  const scales: number[] = [];
  const wide = (scope: Scope, x: string, constant: QuantizedConstant, biases: string[]) =>
    scope.node(
      'DynamicQuantizeMatMul',
      [x, constant.codes, constant.scale, constant.zeroPoint, ...biases],
      [],
      undefined,
      CONTRIB,
    );
  return {
    scales,
    takesRows,
    sequence(scope, x, matrix, bias) {
      const constant = quantizedMatrix(scope.index, { writer, weights }, matrix);
      scales.push(...constant.scales);
      const biases = bias ? [scope.floats('input_bias', [bias.length], bias)] : [];
      return wide(scope, x, constant, biases);
    },
    step(scope, h, matrix, addend) {
      const rows = takesRows ? [addend] : [];
      const product =
        kernel === 'MatMulNBits'
          ? blockwise(scope, h, matrix, rows)
          : wide(scope, h, quantizedMatrix(scope.index, { writer, weights }, matrix), rows);
      return takesRows ? product : addToStep(scope, product, addend);
    },
  };
}

/** Block sizes for which the runtime has integer kernels of 8 bits. */
const BLOCKS = [256, 128, 64, 32];

/** The block that pads the inputs least; of those that pad alike the largest, which is the fastest. */
export function blockSize(inputs: number): number {
  const padded = (block: number) => Math.ceil(inputs / block) * block;
  return BLOCKS.reduce((best, block) => (padded(block) < padded(best) ? block : best));
}

/**
 * MatMulNBits with 8 bits: codes [outputs, blocks, block] around 128, one scale a block, inputs padded with zeros.
 * `accuracy_level` 4 asks for the integer kernel, which quantizes the left side too.
 */
function blockwise(scope: Scope, x: string, matrix: GateMatrix, biases: string[]): string {
  const { inputs, outputs, values, name } = matrix;
  const block = blockSize(inputs);
  const blocks = Math.ceil(inputs / block);
  const codes = new Uint8Array(outputs * blocks * block).fill(128);
  const scales = new Float32Array(outputs * blocks);
  for (let o = 0; o < outputs; o++)
    for (let b = 0; b < blocks; b++) {
      const end = Math.min(inputs, (b + 1) * block);
      let largest = 0;
      for (let i = b * block; i < end; i++)
        largest = Math.max(largest, Math.abs(values[i * outputs + o]!));
      const scale = Math.fround(largest / 127) || 1;
      scales[o * blocks + b] = scale;
      for (let i = b * block; i < end; i++)
        codes[o * blocks * block + i] =
          128 + Math.max(-127, Math.min(127, roundHalfEven(values[i * outputs + o]! / scale)));
    }
  const { index } = scope;
  const add = (suffix: string, tensor: Parameters<typeof makeTensor>) => {
    tensor[0] = index.freshName(`${name}_${suffix}`);
    return index.addInitializer(makeTensor(...tensor));
  };
  const quantized = add('quantized', ['', 'uint8', [outputs, blocks, block], codes]);
  const scale = add('scale', ['', 'float32', [outputs, blocks], scales]);
  const attributes = { K: inputs, N: outputs, bits: 8, block_size: block, accuracy_level: 4 };
  return scope.node(
    'MatMulNBits',
    [x, quantized, scale, ...(biases.length > 0 ? ['', '', ...biases] : [])],
    Object.entries(attributes).map(([key, value]) => makeInt(key, value)),
    undefined,
    CONTRIB,
  );
}
