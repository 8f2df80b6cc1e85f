import { calibratedOnRandom } from '../analyze/random-calibration';
import { RULES } from '../analyze/rules';
import { VernierError } from '../errors';
import { loadModel, type Model } from '../onnx';
import { validateModel } from '../onnx/validate';
import type { CheckResult, Finding, Target } from '../results';

/** Checks a file by the rules of a target. Throws `model.*`, and `cli.usage` for a target without rules. */
export async function checkModel(file: string, target: Target): Promise<CheckResult> {
  const model = await loadModel(file);
  validateModel(model);
  const findings = await findingsOf(model, target);
  if (!findings)
    throw new VernierError('cli.usage', `There are no rules to check a file by for '${target}'.`, {
      remedy: `There are rules for ${Object.keys(RULES).join(', ')}.`,
    });
  const nodes = model.graph.node.length;
  return { model: file, target, nodes, findings, notes: calibratedOnRandom(model) };
}

/** What a target's rules say of a model; null for one without rules. */
export async function findingsOf(model: Model, target: Target): Promise<Finding[] | null> {
  const rules = RULES[target];
  return rules ? rules(model) : null;
}
