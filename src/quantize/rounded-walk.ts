import {
  floatData,
  GraphIndex,
  intAttribute,
  tensorDims,
  type Feed,
  type Model,
  type NodeProto,
} from '../onnx';
import { balancedWeight, unbalance, type Balances } from './balance';
import {
  NodeRunner,
  type NodeResult,
  type Rounding,
  type RunnerState,
  type Stored,
} from './node-runner';
import type { ParamsOf } from './parameters';
import type { Placement, UnitPlacement } from './placement';
import { isRecurrent } from './recurrent';
import { isTable, tableScales } from './tables';
import type { Unit } from './units';
import {
  ConstantWriter,
  readConstant,
  type QuantizedConstant,
  type WeightSettings,
} from './weights';

/** Scales and zero points of a walk. */
export interface WalkSettings {
  paramsOf: ParamsOf;
  activationType: 'uint8' | 'int8';
  weightSettings(unit: string): WeightSettings;
  balances?: Balances;
}

/** Operators whose weights the runtime would quantize again between codes. */
const WEIGHTED = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN']);

/** The quantized model, walked node by node with all samples at a time. */
export class RoundedWalk {
  private readonly runner: NodeRunner;
  private readonly writer: ConstantWriter;
  private readonly scratch: Model;
  private readonly index: GraphIndex;
  private readonly placed: ReadonlyMap<NodeProto, UnitPlacement>;

  constructor(
    private readonly prepared: Model,
    private readonly placement: Placement,
    samples: readonly Feed[],
    private readonly settings: WalkSettings,
  ) {
    this.placed = new Map(placement.units.map((p) => [p.unit.node, p]));
    this.scratch = prepared.copy();
    this.index = new GraphIndex(this.scratch.graph);
    this.writer = new ConstantWriter(this.scratch, this.index);
    this.runner = new NodeRunner(prepared, samples);
  }

  /** Rounds the inputs of the model. */
  async begin(): Promise<void> {
    for (const { name } of this.prepared.graph.input) await this.round(name);
  }

  /** Where it stands, to go on from there in another walk. */
  state(): RunnerState {
    return this.runner.state();
  }

  /** Stands where another walk over the same model and samples stood, in place of {@link begin}. */
  resume(state: RunnerState): void {
    this.runner.resume(state);
  }

  /**
   * Runs a node; weights of integer layers are rounded as they will be written. Recurrent layers run with rounded inputs
   * and exact weights: their rounding is inside the cell, which runs as one node here. @param means whether those of
   * channels (axis 1) are wanted
   */
  run(node: NodeProto, means: boolean, round?: ReadonlyMap<string, Rounding>): Promise<NodeResult> {
    const placed = this.placed.get(node);
    const rounded = placed?.integer && placed.unit.weight && !isRecurrent(node);
    return this.runner.run(node, {
      ...(rounded ? { weight: this.roundedWeight(placed.unit) } : {}),
      // 16 bits are as good as exact: what they round shifts no mean
      takesCodes: placed?.integer === true && placed.precision !== 'int16',
      means,
      ...(round ? { round } : {}),
    });
  }

  /** Keeps what a node gave, shifted, and rounded where the model quantizes it. */
  async store(
    node: NodeProto,
    outputs: Stored[][],
    shift: { axis: number; values: Float32Array } | null,
  ): Promise<void> {
    this.runner.store(node, outputs);
    if (shift) this.runner.shift(node.output[0]!, shift.axis, shift.values);
    for (const output of node.output) await this.round(output);
  }

  /** Runs a node, and keeps what it gives. */
  async pass(node: NodeProto): Promise<void> {
    // Codes come straight from the runtime where nothing else reads the exact values.
    const round = new Map<string, Rounding>();
    if (!WEIGHTED.has(node.opType))
      for (const output of node.output) {
        const rounding = this.placement.shipped.has(output) ? this.roundingOf(output) : null;
        if (rounding && this.runner.isRead(output)) round.set(output, rounding);
      }
    const { outputs } = await this.run(node, false, round);
    await this.store(node, outputs, null);
  }

  private async round(tensor: string): Promise<void> {
    const rounding = this.roundingOf(tensor);
    if (rounding) await this.runner.round(tensor, rounding, this.placement.shipped.has(tensor));
  }

  private roundingOf(tensor: string): Rounding | null {
    const root = this.placement.quantized.get(tensor);
    // with a scale for every channel rounding is finer than what this is about
    if (root === undefined || this.placement.channelwise.has(tensor)) return null;
    if (this.settings.balances?.has(tensor)) return null;
    return { params: this.settings.paramsOf(root), type: this.settings.activationType };
  }

  private roundedWeight(unit: Unit): { slot: number; values: Float32Array } {
    const { slot, axis } = unit.weight!;
    const settings = this.settings.weightSettings(unit.name);
    if (isTable(unit)) {
      const { tensor } = unit.weight!;
      const scales = tableScales(this.writer, unit, settings);
      return { slot, values: this.read(this.writer.weight(tensor, axis, settings, scales)) };
    }
    const input = unit.inputs[0]!;
    const ratios = this.settings.balances?.get(input);
    const tensor = ratios
      ? balancedWeight(this.scratch, this.index, unit, ratios)
      : unit.weight!.tensor;
    const scale = this.settings.paramsOf(this.placement.quantized.get(input) ?? input).scale;
    const bias =
      unit.bias && !settings.floatBias
        ? floatData(this.index.initializer(unit.bias)!, this.prepared.dir)
        : null;
    const group = intAttribute(unit.node, 'group', 1);
    const scales = this.writer.scales(tensor, axis, settings, scale, bias, group);
    const values = this.read(this.writer.weight(tensor, axis, settings, scales));
    const dims = tensorDims(this.index.initializer(tensor)!);
    return { slot, values: ratios ? unbalance(values, dims, unit, ratios) : values };
  }

  private read(constant: QuantizedConstant): Float32Array {
    return readConstant(this.index, null, constant);
  }
}
