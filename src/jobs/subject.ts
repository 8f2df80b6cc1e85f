import path from 'node:path';
import { VernierError } from '../errors';
import { layerMacs } from '../analyze/layer-macs';
import { lookAtPrepared, type Look } from '../analyze/look';
import {
  allTensors,
  externalFile,
  heldSource,
  isExternal,
  loadModel,
  type InputSpec,
  type Model,
  valueType,
} from '../onnx';
import { inferGraphs } from '../onnx/shapes';
import { validateModel } from '../onnx/validate';
import type { PassContext } from '../quantize/context';
import type { TargetFamily } from '../quantize/operators';
import { placeFor } from '../quantize/place-for';
import type { Placement } from '../quantize/placement';
import { prepare } from '../quantize/prepare';
import type { TypeOf, Unit } from '../quantize/units';
import type { NamedLayer } from '../recipe/match';
import { keyOf, modelHashes, type ModelHashes } from './keys';
import type { Memory } from './memory';
import type { Store } from './store';

/** A model as a job needs it: read, checked, folded, its layers listed. */
export interface Subject {
  file: string;
  /** Hash of the file and of those in which its weights lie. */
  key: string;
  hashes: ModelHashes;
  source: Model;
  /** The same as analysis sees it. */
  look: Look;
  prepared: Model;
  context: PassContext;
  units: Unit[];
  /** Placement with nothing kept: the superset of what any recipe can quantize. */
  everything: Placement;
  typeOf: TypeOf;
  inputs: InputSpec[];
  /** Multiply-accumulates of one sample by layer; null where a shape is open. */
  macs: Map<string, number | null>;
}

/**
 * Reads and prepares a model, remembered by its content. Throws `model.*`. @param store where hashes of large files are kept
 */
export async function openSubject(file: string, memory: Memory, store?: Store): Promise<Subject> {
  let hashes: ModelHashes;
  try {
    hashes = await modelHashes(file, async () => dataFiles(await loadModel(file)), store);
  } catch {
    validateModel(await loadModel(file)); // says in words what is wrong
    throw new VernierError('model.not-found', `Cannot read '${file}'.`, {
      file,
      remedy: 'Check the path and its permissions.',
    });
  }
  const key = hashes.data.length === 0 ? hashes.model : keyOf('model', hashes);
  return memory.get('subject', `${path.resolve(file)} ${key}`, () =>
    makeSubject(file, key, hashes),
  );
}

/** Files in which a model's weights lie. Throws `model.external-…`. */
export function dataFiles(model: Model): string[] {
  const beside = [...allTensors(model.graph)]
    .map(({ tensor }) => tensor)
    .filter((tensor) => isExternal(tensor) && !heldSource(tensor));
  return [...new Set(beside.map((tensor) => externalFile(tensor, model.dir)))];
}

async function makeSubject(file: string, key: string, hashes: ModelHashes): Promise<Subject> {
  const source = await loadModel(file);
  validateModel(source);
  const look = lookAtPrepared(source, await prepare(source));
  const { model: prepared, context, units, shapes } = look;
  const inBodies = [...look.bodyShapes.values()];
  // after preparing, no two graphs of a model define the same name
  const typeOf: TypeOf = (tensor) =>
    (shapes.get(tensor) ?? inBodies.find((own) => own.has(tensor))?.get(tensor))?.type;
  return {
    file,
    key,
    hashes,
    source,
    look,
    prepared,
    context,
    units,
    everything: placeFor('cpu', prepared, units, { keep: new Set() }, typeOf),
    typeOf,
    inputs: prepared.graph.input.map((v) => ({
      name: v.name,
      type: valueType(v).type,
      shape: valueType(v).shape ?? [],
    })),
    macs: new Map(units.map((u) => [u.name, layerMacs(u, prepared, look.bodyShapes)])),
  };
}

/** The same superset for a recipe that asks for INT8 where it is not the default, or for a target with rules of its own. */
export function everythingFor(
  subject: Subject,
  forced: ReadonlySet<string>,
  family: TargetFamily,
): Placement {
  if (forced.size === 0 && family === 'cpu') return subject.everything;
  const { prepared, units, typeOf } = subject;
  return placeFor(family, prepared, units, { keep: new Set(), forced }, typeOf);
}

/** The layers as recipes name them: the names of absorbed nodes lead to their layer. */
export function namedLayers({ units, context }: Subject): Required<Omit<NamedLayer, 'kind'>>[] {
  const absorbed = context.absorbedByHost();
  return units.map(({ name, op }) => ({ name, op, absorbed: absorbed.get(name) ?? [] }));
}

/** Multiply-accumulates of one sample in all layers whose shapes are known. */
export function totalMacs({ macs }: Subject): number {
  return [...macs.values()].reduce<number>((sum, m) => sum + (m ?? 0), 0);
}

/** The same MACs once real shapes are known: some models leave everything but the input open. */
export function macsWithShapes(
  subject: Subject,
  inputShapes: Record<string, number[]>,
): Map<string, number | null> {
  const { prepared, units, macs } = subject;
  const shapes = inferGraphs(prepared, inputShapes);
  return new Map(
    units.map((u) => [u.name, layerMacs(u, prepared, shapes) ?? macs.get(u.name) ?? null]),
  );
}
