/**
 * How onnxruntime's CPU provider treats an operator between DequantizeLinear and QuantizeLinear
 * (DESIGN §4.3). The placement reads nothing else; `test/quantize/operators.integration.test.ts` runs every row
 * through the runtime.
 */

/** `weight`: integer kernel with a weight; `elementwise`: integer kernel, own output scale; `passthrough`: moves codes, one scale. */
export type IntegerForm = 'weight' | 'elementwise' | 'passthrough';

export interface OperatorRule {
  form: IntegerForm;
  /** The integer kernel writes float too, so a result that nobody needs in INT8 stays float. */
  floatOutput?: boolean;
  /** Cheap at the end of a graph: only worth integers where an integer layer reads the result. */
  onlyIfNeeded?: boolean;
}

export const INTEGER_OPERATORS: Readonly<Record<string, OperatorRule>> = {
  Conv: { form: 'weight' },
  Gemm: { form: 'weight', floatOutput: true },
  MatMul: { form: 'weight', floatOutput: true },
  Add: { form: 'elementwise', onlyIfNeeded: true },
  Mul: { form: 'elementwise', onlyIfNeeded: true },
  Concat: { form: 'elementwise', onlyIfNeeded: true },
  LeakyRelu: { form: 'elementwise', onlyIfNeeded: true },
  Sigmoid: { form: 'elementwise', onlyIfNeeded: true },
  AveragePool: { form: 'elementwise', onlyIfNeeded: true },
  GlobalAveragePool: { form: 'elementwise', onlyIfNeeded: true },
  MaxPool: { form: 'passthrough' },
  Transpose: { form: 'passthrough' },
  Reshape: { form: 'passthrough' },
  Flatten: { form: 'passthrough' },
  Squeeze: { form: 'passthrough' },
  Unsqueeze: { form: 'passthrough' },
  Slice: { form: 'passthrough' },
  Split: { form: 'passthrough' },
  Gather: { form: 'passthrough' },
  Expand: { form: 'passthrough' },
  Tile: { form: 'passthrough' },
  DepthToSpace: { form: 'passthrough' },
  Resize: { form: 'passthrough' },
};

/** Why operators run in float whatever the file says, in a sentence for people. */
export const FLOAT_REASONS: Readonly<Record<string, string>> = {
  ConvTranspose: 'onnxruntime has no integer kernel for ConvTranspose on CPU',
  Softmax:
    'Softmax stays float: what enters it may hold masks, what leaves it is small and decides',
  LogSoftmax: 'LogSoftmax stays float: it turns differences into the answer',
  LSTM: 'LSTM has no static integer kernel: use mode: dynamic',
  GRU: 'GRU has no integer kernel in onnxruntime',
  RNN: 'RNN has no integer kernel in onnxruntime',
};

/** The rule of an operator; default domain only. */
export function integerRule(op: string, domain: string): OperatorRule | undefined {
  return domain === '' || domain === 'ai.onnx' ? INTEGER_OPERATORS[op] : undefined;
}
