import type { NodeProto } from '../onnx';
import type { BiasChange } from './bias-change';
import type { Placement, UnitPlacement } from './placement';
import type { RunnerState } from './node-runner';
import type { WalkSettings } from './rounded-walk';

/** Where a walk stood behind a node: what later nodes read, and the biases up to there. */
export interface WalkState {
  runner: RunnerState;
  biases: ReadonlyMap<string, Float32Array>;
  changes: ReadonlyMap<string, BiasChange>;
}

interface Kept {
  state: WalkState;
  lists: readonly (readonly { data: { byteLength: number } }[])[];
}

/**
 * States of walks over the same model and samples, so that a walk whose first layers are placed as those of an earlier one
 * begins where the two part: plans of mixed precision differ in a few layers. What was not used for longest is forgotten.
 */
export class WalkMemory {
  private readonly states = new Map<string, Kept>();
  /** How many states hold a tensor. */
  private readonly held = new Map<Kept['lists'][number], number>();
  private bytes = 0;

  /** @param most bytes of tensors that may be held */
  constructor(private readonly most: number) {}

  /** The furthest state that is known. @param keys of a walk's nodes, by {@link walkKeys} */
  furthest(keys: readonly string[]): { at: number; state: WalkState } | null {
    for (let at = keys.length - 1; at >= 0; at--) {
      const key = keys[at]!;
      const kept = this.states.get(key);
      if (!kept) continue;
      this.states.delete(key);
      this.states.set(key, kept);
      return { at, state: kept.state };
    }
    return null;
  }

  keep(key: string, state: WalkState): void {
    if (this.states.has(key)) return;
    const lists = [...state.runner.values.values(), ...state.runner.rounded.values()];
    this.states.set(key, { state, lists });
    for (const list of lists) {
      const times = this.held.get(list) ?? 0;
      if (times === 0) this.bytes += bytesOf(list);
      this.held.set(list, times + 1);
    }
    for (const [oldest] of this.states) {
      if (this.bytes <= this.most) break;
      this.forget(oldest);
    }
  }

  private forget(key: string): void {
    for (const list of this.states.get(key)!.lists) {
      const times = this.held.get(list)! - 1;
      if (times > 0) this.held.set(list, times);
      else {
        this.held.delete(list);
        this.bytes -= bytesOf(list);
      }
    }
    this.states.delete(key);
  }
}

function bytesOf(list: Kept['lists'][number]): number {
  return list.reduce((sum, { data }) => sum + data.byteLength, 0);
}

/**
 * For every node what a walk's state behind it depends on, given model and samples: how it and all nodes before it compute, and
 * how what they give is rounded.
 */
export function walkKeys(
  nodes: readonly NodeProto[],
  inputs: readonly string[],
  placement: Placement,
  settings: WalkSettings,
  hash: (text: string) => string,
): string[] {
  const placed = new Map(placement.units.map((p) => [p.unit.node, p]));
  const rounding = (tensor: string) => {
    const root = placement.quantized.get(tensor);
    return root === undefined
      ? null
      : [
          settings.paramsOf(root),
          placement.shipped.has(tensor),
          placement.channelwise.has(tensor),
          [...(settings.balances?.get(tensor) ?? [])],
        ];
  };
  const computes = (unit: UnitPlacement | undefined) =>
    unit && [
      unit.integer,
      unit.precision ?? null,
      unit.integer && unit.unit.weight ? settings.weightSettings(unit.unit.name) : null,
    ];
  let key = hash(JSON.stringify([settings.activationType, inputs.map(rounding)]));
  return nodes.map((node) => {
    const own = [computes(placed.get(node)) ?? null, node.output.map(rounding)];
    key = hash(key + JSON.stringify(own));
    return key;
  });
}
