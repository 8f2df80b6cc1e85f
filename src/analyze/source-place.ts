import type { NodeProto } from '../onnx';

/** Keys of `metadata_props` that PyTorch's exporter writes (DESIGN §4.17). */
const SCOPES = 'pkg.torch.onnx.name_scopes';
const STACK = 'pkg.torch.onnx.stack_trace';

/**
 * Where a node came from in the source, as its exporter said: `features.3.conv (model.py:42)`; null where it said
 * nothing. The weight's name goes before the scope: a Conv that the exporter fused with a BatchNorm carries the
 * BatchNorm's scope.
 */
export function sourcePlace(node: NodeProto): string | null {
  const scopes = metadata(node, SCOPES);
  const stack = metadata(node, STACK);
  if (scopes === undefined && stack === undefined) return null;
  const module = ownerOfWeight(node) ?? innermost(scopes);
  const line = callSite(stack);
  if (module && line) return `${module} (${line})`;
  return module ?? line;
}

function metadata(node: NodeProto, key: string): string | undefined {
  return node.metadataProps.find((entry) => entry.key === key)?.value;
}

/** `layer1.0.conv1` of the input `layer1.0.conv1.weight`. */
function ownerOfWeight(node: NodeProto): string | null {
  for (const input of node.input.slice(1)) {
    const found = /^(.+)\.(weight|bias|weight_ih_l\d+|in_proj_weight)$/.exec(input);
    if (found) return found[1]!;
  }
  return null;
}

/** The last scope of a list that is written as Python writes it: `['', 'layer1', 'layer1.0', 'conv2d']`. */
function innermost(scopes: string | undefined): string | null {
  const names = [...(scopes ?? '').matchAll(/'([^']*)'|"([^"]*)"/g)].map((m) => m[1] ?? m[2] ?? '');
  // the very last entry names the operator's own call, not a module
  const modules = names.slice(0, -1).filter((name) => name !== '');
  return modules.at(-1) ?? names.at(-1) ?? null;
}

/** File and line of the innermost frame that is not PyTorch's own, without its folders. */
function callSite(stack: string | undefined): string | null {
  const frames = [...(stack ?? '').matchAll(/File "([^"]+)", line (\d+)/g)];
  const own = frames.findLast(([, file]) => !/[\\/](torch|site-packages)[\\/]/.test(file!));
  const frame = own ?? frames.at(-1);
  return frame ? `${frame[1]!.split(/[\\/]/).at(-1)}:${frame[2]}` : null;
}
