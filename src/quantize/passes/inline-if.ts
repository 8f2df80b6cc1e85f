import {
  attribute,
  GraphIndex,
  isDefaultDomain,
  makeNode,
  tensorData,
  type GraphProto,
  type Model,
  type NodeProto,
} from '../../onnx';
import { Names, namesOf } from '../../onnx/names';
import { renameTensors } from '../../onnx/rename';
import type { PassContext } from '../context';

/**
 * An If whose condition is a constant becomes the nodes of the branch that is taken.
 * 1. What the branch writes itself gets names that nothing else has; its results get the names of the If's outputs.
 * 2. A result that the branch takes from outside, or gives twice, goes through an Identity.
 * 3. The node that gave the first result answers to the name of the If.
 * Does nothing where the condition is computed.
 */
export function inlineIf(model: Model, context: PassContext): void {
  let names: Names | null = null;
  for (let again = model.graph.node.some((n) => n.opType === 'If'); again;) {
    again = false;
    const index = new GraphIndex(model.graph);
    for (const node of [...model.graph.node]) {
      const branch = takenBranch(model, index, node);
      if (!branch) continue;
      names ??= new Names(namesOf(model));
      writeOut(index, node, branch, names, context);
      again = true; // the branch may hold another
    }
    if (again) index.dropUnusedInitializers();
  }
}

function takenBranch(model: Model, index: GraphIndex, node: NodeProto): GraphProto | undefined {
  if (node.opType !== 'If' || !isDefaultDomain(node.domain)) return undefined;
  const condition = index.initializer(node.input[0] ?? '');
  if (!condition) return undefined;
  const [value] = tensorData(condition, model.dir);
  return attribute(node, value ? 'then_branch' : 'else_branch')?.g;
}

function writeOut(
  index: GraphIndex,
  node: NodeProto,
  branch: GraphProto,
  names: Names,
  context: PassContext,
): void {
  const own = [
    ...branch.initializer.map((t) => t.name),
    ...branch.node.flatMap((n) => n.output.filter((o) => o !== '')),
  ];
  const renames = new Map(own.map((name) => [name, names.fresh(name)]));
  const written = new Set(branch.node.flatMap((n) => n.output));
  const passed: NodeProto[] = [];
  node.output.forEach((output, i) => {
    const result = branch.output[i]?.name;
    if (output === '' || result === undefined) return;
    if (written.delete(result)) renames.set(result, output);
    else
      passed.push(
        makeNode({
          opType: 'Identity',
          name: names.fresh(`${node.name}/${output}`),
          inputs: [renames.get(result) ?? result],
          outputs: [output],
        }),
      );
  });
  renameTensors(branch, renames);
  let before = index.graph.node[index.graph.node.indexOf(node) - 1] ?? null;
  index.removeNode(node);
  for (const tensor of branch.initializer) index.addInitializer(tensor);
  for (const inner of [...branch.node, ...passed]) {
    index.insertNode(inner, before);
    before = inner;
  }
  const host = index.producer(node.output.find((o) => o !== '') ?? '');
  if (host) context.absorb(node.name, host.name);
}
