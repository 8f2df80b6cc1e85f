/** How the channels of a product's result vary together, told from its weights. */
import type { NodeProto } from '../../onnx';
import { mean, valuesAlong } from './field';
import { forward } from './moves';
import { variance, type Net } from './net';
import type { PowerOf } from './power';
import { diagonalOf, mapRows, times, type Sketch, type Sketcher } from './sketch';
import { rowsTimes, weightOf } from './weight';

/** Second moments of a tensor's values about their mean, by name; null where they cannot be told. */
export type SpreadOf = (tensor: string) => Sketch | null;

/**
 * Follows a tensor back to a product with a constant weight, whose inputs are taken as independent, through nodes that
 * move values or add constants. Where calibration saw a tensor, the sum is what it saw.
 */
export function spreadsOf(net: Net, powerOf: PowerOf, sketcher: Sketcher): SpreadOf {
  const known = new Map<string, Sketch | null>();
  const of: SpreadOf = (tensor) => {
    let found = known.get(tensor);
    if (found === undefined) {
      const node = net.index.producer(tensor);
      found = node ? asSeen(tensor, behind(node, tensor)) : null;
      known.set(tensor, found);
    }
    return found;
  };

  function behind(node: NodeProto, tensor: string): Sketch | null {
    const [x, y] = [node.input[0] ?? '', node.input[1] ?? ''];
    const weight = weightOf(net, node);
    const rank = net.dims(tensor)?.length;
    if (weight && rank !== undefined && rank > 0) {
      const power = powerOf(x);
      const square = valuesAlong(power.square, (net.dims(x)?.length ?? 0) - 1, weight.inputs);
      const grain = Array.from({ length: rank }, (_, i) => (i === rank - 1 ? weight.inputs : 1));
      const inputs = sketcher.diagonal(
        grain,
        square.map((p) => Math.max(0, p - power.mean ** 2)),
      );
      return rowsTimes(inputs, weight);
    }
    switch (node.opType) {
      case 'Add':
      case 'Sub':
        if (net.index.isConstant(y)) return of(x);
        return net.index.isConstant(x) ? of(y) : null;
      case 'Mul':
      case 'Div': {
        const [values, other] = [net.constant(y)?.values, of(x)];
        if (values?.length !== 1 || !other) return null;
        return times(other, node.opType === 'Mul' ? values[0]! : 1 / values[0]!);
      }
      default: {
        const before = x === '' ? null : of(x);
        return before && forward(net, node, tensor, before);
      }
    }
  }

  function asSeen(tensor: string, sketch: Sketch | null): Sketch | null {
    if (!sketch || !net.statistics(tensor)) return sketch;
    const told = mean({ axis: null, values: diagonalOf(sketch) });
    const factor = told > 0 ? Math.sqrt(variance(powerOf(tensor)) / told) : 1;
    return mapRows(sketch, sketch.grain, (row) => row.map((v) => v * factor));
  }
  return of;
}
