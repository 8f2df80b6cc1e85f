/** The recurrent operators of ONNX with the gates of one step, in ONNX's order. */
export const GATES = {
  LSTM: ['input', 'output', 'forget', 'cell'],
  GRU: ['update', 'reset', 'hidden'],
  RNN: ['hidden'],
} as const;

export type CellOperator = keyof typeof GATES;
