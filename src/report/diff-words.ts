import type { DiffNode, MatchedBy, Note } from '../results';
import { threadsText } from './words';

/** All words of a comparison, in one language. */
export interface DiffWords {
  /** BCP 47 tag. */
  language: string;
  sections: Record<'summary' | 'outputs' | 'tensors' | 'nodes' | 'ranges' | 'notes', string>;
  rows: Record<
    'bytes' | 'opset' | 'nodes' | 'quantizing' | 'parameters' | 'latency' | 'p99',
    string
  >;
  heads: Record<
    | 'first'
    | 'second'
    | 'node'
    | 'op'
    | 'inSecond'
    | 'foundBy'
    | 'differs'
    | 'tensor'
    | 'role'
    | 'rangeFirst'
    | 'rangeSecond'
    | 'output'
    | 'cosine'
    | 'largest'
    | 'madeBy',
    string
  >;
  status: Record<DiffNode['status'], string>;
  matchedBy: Record<MatchedBy, string>;
  role: Record<'activation' | 'weight' | 'bias', string>;
  both: (a: string, b: string) => string;
  pairs: (n: number) => string;
  threads: (n: number) => string;
  float: string;
  around: (type: string, scale: string, zeroPoint: number) => string;
  whileRunning: (type: string) => string;
  scales: (type: string, n: number, low: string, high: string) => string;
  /** How many nodes are what. @param counts e.g. `3 same`; @param structural how many were found by structure alone */
  sentence: (counts: readonly string[], matched: string, structural: number) => string;
  counted: (n: number, status: string) => string;
  on: (samples: number, source: string) => string;
  /** What differs between two nodes, as the analysis says it in English. */
  change: (text: string) => string;
  note: (note: Note) => Pick<Note, 'message' | 'remedy'>;
}

const own = (text: string) => text;

/** English. */
export const diffEnglish: DiffWords = {
  language: 'en',
  sections: {
    summary: 'Side by side',
    outputs: 'Outputs',
    tensors: 'Inner tensors',
    nodes: 'Nodes that differ',
    ranges: 'Scales and ranges that differ',
    notes: 'Notes',
  },
  rows: {
    bytes: 'Bytes',
    opset: 'Opset',
    nodes: 'Nodes',
    quantizing: 'Quantizing nodes',
    parameters: 'Parameters',
    latency: 'Latency',
    p99: 'p99',
  },
  heads: {
    first: 'First',
    second: 'Second',
    node: 'Node',
    op: 'Op',
    inSecond: 'In the second',
    foundBy: 'Found by',
    differs: 'What differs',
    tensor: 'Tensor',
    role: 'Role',
    rangeFirst: 'Range, first',
    rangeSecond: 'Range, second',
    output: 'Output',
    cosine: 'Cosine',
    largest: 'Largest difference',
    madeBy: 'Made by',
  },
  status: {
    same: 'same',
    changed: 'changed',
    folded: 'folded',
    removed: 'removed',
    added: 'added',
  },
  matchedBy: { recorded: 'recorded', name: 'name', result: 'result', structure: 'structure' },
  role: { activation: 'activation', weight: 'weight', bias: 'bias' },
  both: (a, b) => `${a} and ${b}`,
  pairs: (n) => `${n} pairs`,
  threads: threadsText,
  float: 'float',
  around: (type, scale, zeroPoint) => `${type}, ${scale} around ${zeroPoint}`,
  whileRunning: (type) => `${type}, while it runs`,
  scales: (type, n, low, high) => `${type}, ${n} scales ${low} … ${high}`,
  sentence: (counts, matched, structural) =>
    `Nodes: ${counts.join(', ') || 'none'}. ${matched} of the smaller model's were found in the other${structural > 0 ? `, ${structural} of them by structure alone` : ''}.`,
  counted: (n, status) => `${n} ${status}`,
  on: (samples, source) => `On ${samples} samples of ${source}`,
  change: own,
  note: ({ message, remedy }) => ({ message, ...(remedy === undefined ? {} : { remedy }) }),
};
