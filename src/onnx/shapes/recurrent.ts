/** RNN, GRU and LSTM. */
import { value, type Rule } from './types';

/** https://onnx.ai/onnx/operators/onnx__LSTM.html: layout 0 is [time, batch, …], 1 is [batch, time, …] */
const recurrent =
  (states: number): Rule =>
  (n) => {
    const { type, shape } = n.input(0);
    const directions = n.string('direction', 'forward') === 'bidirectional' ? 2 : 1;
    // R is [directions, gates · hidden, hidden]; DynamicQuantizeLSTM's is [directions, hidden, gates · hidden]
    const quantized = n.node.opType === 'DynamicQuantizeLSTM';
    const hidden = n.int('hidden_size', 0) || (n.input(2).shape?.[quantized ? 1 : 2] ?? null);
    const byBatch = n.int('layout', 0) === 1;
    const time = shape?.[byBatch ? 1 : 0] ?? null;
    const batch = shape?.[byBatch ? 0 : 1] ?? null;
    const state = value(type, byBatch ? [batch, directions, hidden] : [directions, batch, hidden]);
    const all = byBatch ? [batch, time, directions, hidden] : [time, directions, batch, hidden];
    return [value(type, all), ...new Array<typeof state>(states).fill(state)];
  };

export const recurrentRules: Record<string, Rule> = {
  RNN: recurrent(1),
  GRU: recurrent(1),
  LSTM: recurrent(2),
  'com.microsoft:DynamicQuantizeLSTM': recurrent(2),
};
