import type { Feed, Model } from '../../onnx';
import { inlineExternal, serializeModel } from '../../onnx';
import { inferShapes } from '../../onnx/shapes';
import { Session } from '../../runtime/session';
import type { SampleRange } from '../statistics-collector';
import type { StatisticsSink } from '../statistics-sink';
import { TapReader } from '../tap-reader';
import { extremeAt, withExtremes, type ExtremesGraph } from './extremes-graph';
import { FiniteProof } from './finite-proof';

/** Shapes of so many different inputs are remembered. */
const MOST_SHAPES = 64;

/**
 * Runs a model that computes the extremes of its own tensors, which costs a fraction of reading the tensors. A sample for
 * which that leaves open whether there is a NaN somewhere is read tensor by tensor.
 */
export class ExtremesReader {
  private readonly shapes = new Map<string, ReadonlyMap<string, readonly number[]>>();
  private readonly largest = new Map<string, number>();
  private careful: TapReader | null = null;
  private readonly indices: ReadonlyMap<string, number>;

  private constructor(
    private readonly model: Model,
    private readonly tensors: readonly string[],
    private readonly graph: ExtremesGraph,
    private readonly session: Session,
    private readonly proof: FiniteProof,
  ) {
    this.indices = new Map(tensors.map((name, i) => [name, i]));
  }

  /** Opens a session. Tensors that the model has not are left out. Throws `model.does-not-load`. */
  static async open(model: Model, tensors: readonly string[]): Promise<ExtremesReader> {
    const shapes = inferShapes(model);
    const inputs = model.graph.input.filter((v) => shapes.get(v.name)?.type === 'float32');
    const measured = [...new Set([...tensors, ...inputs.map((v) => v.name)])];
    const proof = new FiniteProof(model, measured);
    const graph = withExtremes(model, measured, shapes, proof.unprovable);
    const session = await Session.open(serializeModel(inlineExternal(graph.model)));
    return new ExtremesReader(model, tensors, graph, session, proof);
  }

  /** Runs one sample. Throws what running throws. */
  async read(feed: Feed, position: number, sink: StatisticsSink): Promise<void> {
    await sink.ready();
    const { outputs, places } = this.graph;
    const results = outputs.length > 0 ? await this.session.run(feed, outputs) : {};
    const found = new Map<string, SampleRange>();
    const dims = this.dimsOf(feed);
    for (const [name, place] of places) {
      const max = extremeAt(place.max, results);
      const min = place.min ? extremeAt(place.min, results) : 0;
      const mean = place.mean ? extremeAt(place.mean, results) : 0;
      const odd = !Number.isFinite(max - min) || !Number.isFinite(mean);
      const tensor = this.indices.get(name) ?? -1;
      found.set(name, { tensor, dims: dims.get(name) ?? [], min: odd ? -Infinity : min, max });
    }
    if (this.certain(found))
      sink.add(
        position,
        [...found.values()].filter(({ tensor }) => tensor >= 0),
      );
    else {
      this.careful ??= await TapReader.open(this.model, this.tensors);
      await this.careful.read(feed, position, sink);
    }
  }

  async release(): Promise<void> {
    await this.session.release();
    await this.careful?.release();
  }

  /** Whether no NaN can be in any tensor of a sample; its magnitudes are then counted among those that were seen. */
  private certain(found: ReadonlyMap<string, SampleRange>): boolean {
    const magnitude = (name: string) => {
      const range = found.get(name);
      return Math.max(range ? Math.max(range.max, -range.min) : 0, this.largest.get(name) ?? 0);
    };
    if (!this.proof.holds(magnitude)) return false;
    for (const name of found.keys()) this.largest.set(name, magnitude(name));
    return true;
  }

  /** Shapes of tensors for the shapes of a feed, as far as they can be told. */
  private dimsOf(feed: Feed): ReadonlyMap<string, readonly number[]> {
    const inputs = Object.fromEntries(Object.entries(feed).map(([n, v]) => [n, [...v.dims]]));
    const key = JSON.stringify(inputs);
    let dims = this.shapes.get(key);
    if (!dims) {
      const inferred = inferShapes(this.model, inputs);
      const known = this.tensors.flatMap((name): [string, number[]][] => {
        const shape = inferred.get(name)?.shape;
        return shape?.every((d): d is number => typeof d === 'number') ? [[name, [...shape]]] : [];
      });
      dims = new Map(known);
      if (this.shapes.size < MOST_SHAPES) this.shapes.set(key, dims);
    }
    return dims;
  }
}
