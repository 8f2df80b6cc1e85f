/** A model in fixed point: tensors of integers, and steps between them that know nothing but integers. */
import type { FixedFormat } from './format';
import { bitsOf, type Bounds } from './sums';

/** A tensor of one sample (batch 1). */
export interface FixedTensor {
  name: string;
  /** The float tensor of the model that its codes stand for. */
  stands: string;
  shape: number[];
  format: FixedFormat;
  /** Codes that it can have. */
  codes: Bounds;
  role: 'input' | 'inner' | 'output';
}

/** How a sum becomes codes: shifted right by `shift` (one, or by channel), rounded half to even, then clamped. */
export interface Requantize {
  shift: number | number[];
  low: number;
  high: number;
}

interface Step {
  /** Node of the model that it carries out. */
  name: string;
  inputs: string[];
  output: string;
  /** Shape of the result, before a view behind it. */
  dims: number[];
  /** Null where the sum itself is the result. */
  requantize: Requantize | null;
  /** Bounds that the sum cannot leave, whatever the codes are. */
  sum: Bounds;
  /** Binary places of the sum, one or by channel. */
  sumFraction: number | number[];
}

/** `Σ x·w + b` over a window: weights [M][kernel positions][channels of the group], inputs and outputs NCHW. */
export interface ConvStep extends Step {
  op: 'conv';
  weights: Int8Array;
  /** Binary places of the weights, one or by channel. */
  weightFraction: number | number[];
  bias: Int32Array | null;
  channels: number;
  group: number;
  kernel: number[];
  strides: number[];
  dilations: number[];
  /** Padding before the first element of every axis. */
  begin: number[];
}

/** `Σ x·w + b`: input [rows, depth], weights [columns][depth]. */
export interface MatrixStep extends Step {
  op: 'matrix';
  weights: Int8Array;
  /** Binary places of the weights, one or by channel. */
  weightFraction: number | number[];
  bias: Int32Array | null;
  rows: number;
  depth: number;
  columns: number;
}

/** Two tensors, or a tensor and a constant, aligned by left shifts and added, subtracted or multiplied; broadcast. */
export interface PairStep extends Step {
  op: 'add' | 'subtract' | 'multiply';
  /** The constant operand of two, which stands first or second. */
  constant: { codes: Int8Array; shape: number[]; fraction: number; first: boolean } | null;
  /** Left shifts of both operands before the sum; none for a product. */
  align: [number, number];
}

/** Codes in another format, between two bounds. */
export interface RequantizeStep extends Step {
  op: 'requantize';
}

/** The largest, or the mean, of a window; padding counts for the mean as zero. */
export interface PoolStep extends Step {
  op: 'max-pool' | 'average-pool';
  kernel: number[];
  strides: number[];
  dilations: number[];
  begin: number[];
  /** What the sum of a window is divided by, rounded half to even, after a shift left by `scale`. */
  divisor: number;
  scale: number;
}

/** Tensors one behind the other along an axis, each with a shift of its own. */
export interface ConcatStep extends Step {
  op: 'concat';
  axis: number;
  shifts: number[];
}

/** One code for every code: entry 0 is for the lowest one. */
export interface TableStep extends Step {
  op: 'table';
  table: Int8Array;
}

/** Codes in another order (or some of them several times): output i is input `source[i]`, or 0 where that is −1. */
export interface MoveStep extends Step {
  op: 'move';
  source: Int32Array;
}

/** The same codes under another shape. */
export interface ViewStep extends Step {
  op: 'view';
}

export type FixedStep =
  | ConvStep
  | MatrixStep
  | PairStep
  | RequantizeStep
  | PoolStep
  | ConcatStep
  | TableStep
  | MoveStep
  | ViewStep;

/** A node that stays on the host, in float: what it reads and gives. */
export interface HostNode {
  name: string;
  op: string;
  inputs: string[];
  outputs: string[];
}

/** The whole. */
export interface FixedProgram {
  tensors: FixedTensor[];
  steps: FixedStep[];
  host: HostNode[];
  /** Tensors of codes that come from outside, and those that the outside reads. */
  inputs: string[];
  outputs: string[];
}

/** Bits that the widest sum of a step can need. */
export function sumBits({ sum }: FixedStep): number {
  return bitsOf(sum);
}

/**
 * True where a step's result must equal the runtime's float arithmetic on the same codes bit for bit: its sums are whole
 * numbers of at most 24 bits, which float32 holds exactly, and what it divides by is a power of two.
 */
export function isExactInFloat(step: FixedStep): boolean {
  if (step.op === 'average-pool' && !Number.isInteger(Math.log2(step.divisor))) return false;
  return sumBits(step) <= 25;
}
