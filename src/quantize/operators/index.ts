/**
 * The table of operators (DESIGN §4.3): for each its unit, what of it is quantized, and what every family of targets
 * makes of it. Placement, analysis and the documentation page read nothing else.
 */
import { isDefaultDomain } from '../../onnx';
import { CPU } from './cpu';
import { FPGA_FIXED } from './fpga-fixed';
import { ONNX } from './onnx';
import { ROWS } from './rows';
import { TENSORRT } from './tensorrt';
import type { IntegerRule, OperatorRow, TargetColumn, TargetFamily, TargetRule } from './types';

export { ROWS } from './rows';
export type * from './types';

/** The columns of the table. */
export const COLUMNS: Readonly<Record<TargetFamily, TargetColumn>> = {
  cpu: CPU,
  tensorrt: TENSORRT,
  'fpga-fixed': FPGA_FIXED,
  onnx: ONNX,
};

/** How the table calls an operator: ONNX's own by its name, others with their domain before it. */
export function operatorKey(op: string, domain: string): string {
  return isDefaultDomain(domain) ? op : `${domain}.${op}`;
}

const BY_KEY = new Map(ROWS.map((row) => [operatorKey(row.op, row.domain), row]));

/** The row of an operator; undefined for one that the table does not speak of. */
export function operatorRow(op: string, domain: string): OperatorRow | undefined {
  return BY_KEY.get(operatorKey(op, domain));
}

/** What a family of targets makes of an operator; undefined where the table does not say. */
export function targetRule(
  op: string,
  domain: string,
  family: TargetFamily = 'cpu',
): TargetRule | undefined {
  const column = COLUMNS[family];
  const key = operatorKey(op, domain);
  return Object.hasOwn(column, key) ? column[key] : undefined;
}

/** The rule by which an operator can run in integers; undefined where it cannot. */
export function integerRule(
  op: string,
  domain: string,
  family: TargetFamily = 'cpu',
): IntegerRule | undefined {
  const rule = targetRule(op, domain, family);
  return rule && rule.form !== 'float' ? rule : undefined;
}

/** Why an operator runs in float there, in a sentence. */
export function floatReason(op: string, domain: string, family: TargetFamily = 'cpu'): string {
  const rule = targetRule(op, domain, family);
  if (rule?.form === 'float') return rule.reason;
  return family === 'cpu'
    ? `onnxruntime has no integer kernel for ${op} on CPU`
    : `${op} has no integer form for the target ${family}`;
}
