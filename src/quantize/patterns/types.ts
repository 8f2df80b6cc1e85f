import type { GraphIndex, Model, NodeProto } from '../../onnx';

/** Patterns of transformers whose parts stay float by default. */
export type PatternName =
  'LayerNorm' | 'GELU' | 'attention' | 'masked softmax' | 'residual add' | 'mask';

/** What a node is a part of, and why it stays float for that. */
export interface PatternPart {
  pattern: PatternName;
  /** In a sentence, for people. */
  reason: string;
}

/** What a recognizer may ask. */
export interface PatternInput {
  model: Model;
  index: GraphIndex;
  /** Tensors that hold a mask, with its value. */
  masked: ReadonlyMap<string, number>;
}

/** Finds one kind of pattern: its nodes, each with its part. Does nothing where there is none. */
export type Recognizer = (input: PatternInput) => Map<NodeProto, PatternPart>;
