import { isDefaultDomain } from '../../onnx';
import { CPU } from './cpu';
import type { TargetColumn, TargetRule } from './types';

/**
 * The target `onnx`: Q/DQ of ONNX's own operators alone, for runtimes of which nothing is known. It is placed where
 * onnxruntime, which checks the file here, has integer kernels: what others do beyond that they do on the float form.
 */
export const ONNX: TargetColumn = Object.fromEntries(
  Object.entries(CPU)
    .filter(([key]) => isDefaultDomain(key.includes('.') ? key.slice(0, key.lastIndexOf('.')) : ''))
    .map(([op, rule]): [string, TargetRule] => [
      op,
      rule.form === 'float'
        ? { form: 'float', reason: rule.reason.replace('onnxruntime has no', 'runtimes share no') }
        : { ...rule, kernel: null },
    ]),
);
