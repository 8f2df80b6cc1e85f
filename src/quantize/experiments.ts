import { copyMessage } from '../onnx/copy';
import { inferShapes } from '../onnx/shapes';
import {
  floatData,
  GraphIndex,
  intAttribute,
  makeInt,
  makeNode,
  makeTensor,
  tensorDims,
  topologicalOrder,
  type Model,
  type NodeProto,
} from '../onnx';
import { balancedParams, balancedWeight, unbalance, type Balances, type Ratios } from './balance';
import { CHANNEL_AXIS, writeChannelParameters } from './channelwise';
import { constantOperands } from './operands';
import type { QuantParams } from '../numeric';
import { writeParameters, type ParameterNames, type ParamsOf } from './parameters';
import type { WrittenCodes } from './qdq';
import { hiddenKey, isRecurrent, sequenceSizes, writeApart } from './recurrent';
import type { UnitPlacement } from './placement';
import { isTable, tableScales } from './tables';
import { integerInputs, type Unit } from './units';
import {
  ConstantWriter,
  readConstant,
  type QuantizedConstant,
  type WeightSettings,
} from './weights';
import { wideDomain, type WideType } from './wide';

/** What a quantizer of one layer looks like in an experiment. */
export interface ExperimentSettings {
  paramsOf: ParamsOf;
  activationType: 'uint8' | 'int8';
  weightSettings(unit: string): WeightSettings;
  /** Inputs of a layer that become codes, where those are not all. */
  codesOf?(unit: Unit): readonly string[];
  /** The type of a layer's activations where they have 16 bits, and what their scales then are. */
  wideTypeOf?(unit: string): WideType | null;
  wideParamsOf?(tensor: string, type: WideType): QuantParams;
  /** The bias of a layer that is corrected for itself alone, on exact inputs, with these of its quantizers. */
  biasOf?(unit: string, parts: Parts): Float32Array | undefined;
  balances?: Balances;
  /** Codes of a layer's result, were no layer to read them as codes ({@link ownResults}); undefined where it has none. */
  resultOf?(unit: Unit): ResultCodes | undefined;
}

/** Parameters of a tensor's codes, for each channel along {@link CHANNEL_AXIS} where there are such. */
export type ResultCodes = Pick<WrittenCodes, 'params' | 'channels'>;

/**
 * Which of a layer's quantizers act: those of its weight and bias, those of its inputs, or all of these; or that of its result
 * alone, which is the layer's own where no other reads it.
 */
export type Parts = 'all' | 'weights' | 'activations' | 'result';

/** What is found of parts of a layer is kept by this name. */
export const partName = (unit: string, parts: Parts): string =>
  parts === 'all' ? unit : `${unit} (${parts})`;

/** The FP32 model with a quantized twin beside every integer layer. */
export interface LocalModel {
  model: Model;
  /** By unit name: the layer's exact output, and its twin's on the same exact inputs; `own`: the same before bias node and activation. */
  taps: Map<string, { exact: string; local: string; own?: { exact: string; local: string } }>;
}

/**
 * Beside every integer layer of the FP32 model stands a twin with the layer's own input, weight and bias
 * quantizers; both read exact inputs, both end after the activation (the *local error* of DESIGN §5).
 * @param parts which of its quantizers act
 */
export function localModel(
  prepared: Model,
  placements: readonly UnitPlacement[],
  settings: ExperimentSettings,
  parts: Parts = 'all',
): LocalModel {
  const { model, index, twin } = workshop(prepared, settings);
  const taps: LocalModel['taps'] = new Map();
  for (const { unit, integer } of placements) {
    if (!integer) continue;
    const { results, own } = twin(unit, `${unit.name}.local`, parts);
    const local = results.get(unit.output)!;
    taps.set(unit.name, {
      exact: unit.output,
      local,
      ...(own ? { own: { exact: unit.node.output[0]!, local: own } } : {}),
    });
  }
  index.dropUnusedInitializers();
  model.graph.node = topologicalOrder(model.graph);
  return { model, taps };
}

/**
 * The FP32 model in which only this layer's own quantizers act (the *sensitivity* of DESIGN §5).
 * @param parts which of them
 */
export function onlyThisModel(
  prepared: Model,
  unit: Unit,
  settings: ExperimentSettings,
  parts: Parts = 'all',
): Model {
  const { model, index, twin } = workshop(prepared, settings);
  for (const [exact, output] of twin(unit, `${unit.name}.only`, parts).results) {
    if (index.isGraphOutput(exact)) {
      const spare = index.freshName(`${exact}.exact`);
      const before = index.producer(exact)!;
      index.setOutput(before, before.output.indexOf(exact), spare);
      const producer = index.producer(output)!;
      index.setOutput(producer, producer.output.indexOf(output), exact);
      index.replaceUses(output, exact);
    } else index.replaceUses(exact, output);
  }
  index.dropDeadNodes();
  index.dropUnusedInitializers();
  model.graph.node = topologicalOrder(model.graph);
  return model;
}

/** A copy of the model and the tools to put twins into it. */
export function workshop(prepared: Model, settings: ExperimentSettings) {
  const model = prepared.copy();
  const { dir } = model;
  const index = new GraphIndex(model.graph);
  const writer = new ConstantWriter(model, index);
  const byName = new Map(model.graph.node.map((n) => [n.name, n]));
  const own = (node: NodeProto) => byName.get(node.name)!;
  const dequantized = new Map<string, string>();
  const rounded = new Map<string, string>();
  let shapes: ReturnType<typeof inferShapes> | undefined;

  /** How the channels of what a layer reads are balanced, where they are. */
  const ratiosOf = (tensor: string, unit: Unit): Ratios | null => {
    const narrow = (settings.wideTypeOf?.(unit.name) ?? null) === null;
    const takes = narrow && unit.weight !== null && tensor === unit.inputs[0];
    return (takes && settings.balances?.get(tensor)) || null;
  };

  const quantizeInput = (tensor: string, unit: Unit): string => {
    const wide = settings.wideTypeOf?.(unit.name) ?? null;
    const ratios = ratiosOf(tensor, unit);
    const key = `${wide ?? ''}${ratios ? 'balanced' : ''} ${tensor}`;
    const known = dequantized.get(key);
    if (known !== undefined) return known;
    const params = wide ? settings.wideParamsOf!(tensor, wide) : settings.paramsOf(tensor);
    const names = ratios
      ? writeChannelParameters(
          index,
          tensor,
          balancedParams(ratios, params),
          settings.activationType,
        )
      : writeParameters(index, tensor, params, wide ?? settings.activationType);
    const output = roundTrip(tensor, names, ratios !== null, wide ? wideDomain(model) : '');
    dequantized.set(key, output);
    return output;
  };

  /** Adds a pair of QuantizeLinear and DequantizeLinear behind a tensor; returns what it gives. */
  const roundTrip = (
    tensor: string,
    { scale, zeroPoint }: ParameterNames,
    byChannel: boolean,
    domain = '',
  ): string => {
    const attributes = byChannel ? [makeInt('axis', CHANNEL_AXIS)] : [];
    const codes = index.freshName(`${tensor}.codes`);
    const output = index.freshName(`${tensor}.rounded`);
    const inputs = [scale, zeroPoint];
    index.insertNode(
      makeNode({
        opType: 'QuantizeLinear',
        domain,
        inputs: [tensor, ...inputs],
        outputs: [codes],
        attributes,
      }),
    );
    index.insertNode(
      makeNode({
        opType: 'DequantizeLinear',
        domain,
        inputs: [codes, ...inputs],
        outputs: [output],
        attributes,
      }),
    );
    return output;
  };

  /** A layer's result as its codes are read. */
  const roundResult = (output: string, { params, channels }: ResultCodes): string => {
    const type = settings.activationType;
    const names = channels
      ? writeChannelParameters(index, output, channels, type)
      : writeParameters(index, output, params, type);
    return roundTrip(output, names, channels !== undefined);
  };

  /** A constant as its codes are read: rounded once here, since the runtime would do it again in every run. */
  const attach = (constant: QuantizedConstant, base: string): string => {
    const known = rounded.get(constant.codes);
    if (known !== undefined) return known;
    const dims = tensorDims(index.initializer(constant.codes)!);
    const values = readConstant(index, dir, constant);
    const tensor = makeTensor(index.freshName(`${base}.rounded`), 'float32', dims, values);
    const name = index.addInitializer(model.parked(tensor));
    rounded.set(constant.codes, name);
    return name;
  };

  /** The rounded weight of a layer whose input comes in its own units again. */
  const inOwnUnits = (rounded: string, unit: Unit, ratios: Ratios): string => {
    const dims = tensorDims(index.initializer(unit.weight!.tensor)!);
    const ones = new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(1);
    const factors = unbalance(ones, dims, unit, ratios);
    const name = index.freshName(`${unit.name}.ratios`);
    const factor = index.addInitializer(model.parked(makeTensor(name, 'float32', dims, factors)));
    const output = index.freshName(`${rounded}.unbalanced`);
    index.insertNode(makeNode({ opType: 'Mul', inputs: [rounded, factor], outputs: [output] }));
    return output;
  };

  /** Adds a copy of a node with results of its own; returns their names. */
  const copyOf = (node: NodeProto, inputs: string[]): string[] => {
    const copy = copyMessage(node);
    copy.name = index.freshName(`${node.name}.twin`);
    copy.input = inputs;
    copy.output = node.output.map((name) => (name === '' ? '' : index.freshName(`${name}.twin`)));
    index.insertNode(copy);
    return copy.output;
  };

  /** The tensor of a layer's bias, or a new one of the values that take its place. */
  const putBias = (unit: Unit, corrected: Float32Array | undefined): string | null => {
    if (!corrected) return unit.bias;
    const name = index.freshName(`${unit.name}.bias_corrected`);
    return index.addInitializer(makeTensor(name, 'float32', [corrected.length], corrected));
  };

  /** Adds the twin of a recurrent layer, taken apart. */
  const twinApart = (unit: Unit): Map<string, string> => {
    const node = copyMessage(own(unit.node));
    const results = new Map<string, string>();
    node.name = index.freshName(`${node.name}.twin`);
    node.input[0] = quantizeInput(unit.inputs[0]!, unit);
    node.output = node.output.map((output) => {
      if (output === '') return '';
      const own = index.freshName(`${output}.twin`);
      results.set(output, own);
      return own;
    });
    index.insertNode(node);
    shapes ??= inferShapes(prepared);
    // What nobody reads of it is left in place until the twins are connected.
    writeApart(index, node, sequenceSizes(shapes, unit.node), model.dir, {
      writer,
      weights: settings.weightSettings(unit.name),
      hidden: settings.paramsOf(hiddenKey(unit.node)),
      type: settings.activationType,
    });
    return results;
  };

  /**
   * Adds the quantized twin of a layer: its results by those of the layer, and its own output before what follows it.
   * A recurrent layer is taken apart whole: `parts` says nothing of it.
   */
  const twin = (
    unit: Unit,
    base: string,
    parts: Parts = 'all',
  ): { results: Map<string, string>; own?: string } => {
    if (isRecurrent(unit.node)) return { results: twinApart(unit) };
    const weighs = parts === 'all' || parts === 'weights';
    const takesCodes = parts === 'all' || parts === 'activations';
    const corrected = parts === 'result' ? undefined : settings.biasOf?.(unit.name, parts);
    const node = own(unit.node);
    const reads = takesCodes ? (settings.codesOf?.(unit) ?? integerInputs(unit)) : [];
    const inputs = node.input.map((name) =>
      reads.includes(name) ? quantizeInput(name, unit) : name,
    );
    for (const slot of weighs ? constantOperands(index, unit) : []) {
      const fixed = settings.weightSettings(unit.name).powerOfTwo;
      const operand = writer.operand(node.input[slot]!, settings.activationType, fixed);
      inputs[slot] = attach(operand, `${base}.operand`);
    }
    if (isTable(unit)) {
      if (weighs) {
        const weights = settings.weightSettings(unit.name);
        const { tensor, axis, slot } = unit.weight!;
        const scales = tableScales(writer, unit, weights);
        inputs[slot] = attach(writer.weight(tensor, axis, weights, scales), `${base}.weight`);
      }
    } else if (unit.weight && weighs) {
      const wide = settings.wideTypeOf?.(unit.name) ?? null;
      const input = unit.inputs[0]!;
      const scale = (wide ? settings.wideParamsOf!(input, wide) : settings.paramsOf(input)).scale;
      const weights = settings.weightSettings(unit.name);
      const bias = unit.biasNode ? null : putBias(unit, corrected);
      const values = bias && !weights.floatBias ? floatData(index.initializer(bias)!, dir) : null;
      const { slot, axis } = unit.weight;
      const ratios = ratiosOf(input, unit);
      const tensor = ratios ? balancedWeight(model, index, unit, ratios) : unit.weight.tensor;
      const group = intAttribute(node, 'group', 1);
      const scales = writer.scales(tensor, axis, weights, scale, values, group);
      const rounded = attach(writer.weight(tensor, axis, weights, scales), `${base}.weight`);
      inputs[slot] = ratios ? inOwnUnits(rounded, unit, ratios) : rounded;
      if (bias && values)
        inputs[2] = attach(writer.bias(bias, scale, scales, values), `${base}.bias`);
      else if (bias) inputs[2] = bias;
    } else if (corrected && unit.weight && !unit.biasNode) inputs[2] = putBias(unit, corrected)!;
    const [first, ...others] = copyOf(node, inputs);
    let output = first!;
    for (const follower of [unit.biasNode, unit.activation]) {
      if (!follower) continue;
      const before = follower === unit.biasNode ? unit.node.output[0]! : follower.input[0]!;
      const previous = output;
      const shifted = follower === unit.biasNode && corrected ? putBias(unit, corrected) : null;
      output = copyOf(
        own(follower),
        follower.input.map((name) => {
          if (name === before) return previous;
          return shifted !== null && index.isConstant(name) ? shifted : name;
        }),
      )[0]!;
    }
    const codes = parts === 'result' ? settings.resultOf?.(unit) : undefined;
    const results = new Map([[unit.output, codes ? roundResult(output, codes) : output]]);
    for (const [i, other] of others.entries())
      if (other !== '') results.set(node.output[i + 1]!, other);
    return { results, own: first! };
  };

  return { model, index, own, twin };
}
