/** Rules of targets that any model file can be checked by. */
import type { Model } from '../../onnx';
import type { Finding, Target } from '../../results';
import { checkFpgaFixed } from './fpga-fixed';
import { checkOnnx } from './onnx';
import { checkTensorRt } from './tensorrt';
import { checkX86Avx2 } from './x86-avx2';

/** Checks by target; the others have no rules beyond what the runtime itself enforces. */
export const RULES: Readonly<
  Partial<Record<Target, (model: Model) => Finding[] | Promise<Finding[]>>>
> = {
  tensorrt: checkTensorRt,
  onnx: checkOnnx,
  'fpga-fixed': checkFpgaFixed,
  'x86-avx2': checkX86Avx2,
};
