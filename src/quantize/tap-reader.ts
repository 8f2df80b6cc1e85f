import type { Feed, Model, TensorValue } from '../onnx';
import type { Session } from '../runtime/session';
import { openTapped } from '../runtime/taps';
import type { SamplePart } from './statistics-collector';
import type { StatisticsSink } from './statistics-sink';

interface Wanted {
  name: string;
  /** Index among the tensors that are looked at. */
  tensor: number;
}

/** Runs a model and hands what it has of some tensors to a sink. */
export class TapReader {
  private constructor(
    private readonly session: Session,
    /** Tensors that the session returns. */
    private readonly tapped: readonly Wanted[],
    /** Inputs of the model that are wanted too. */
    private readonly inputs: readonly Wanted[],
  ) {}

  /** Opens a session. Tensors that the model has not are left out. Throws `model.does-not-load`. */
  static async open(model: Model, tensors: readonly string[]): Promise<TapReader> {
    const inputs = new Set(model.graph.input.map((v) => v.name));
    const wanted = tensors.map((name, tensor) => ({ name, tensor }));
    const inner = wanted.filter(({ name }) => !inputs.has(name));
    const { session, tapped } = await openTapped(
      model,
      inner.map(({ name }) => name),
    );
    const returned = new Set(tapped);
    return new TapReader(
      session,
      inner.filter(({ name }) => returned.has(name)),
      wanted.filter(({ name }) => inputs.has(name)),
    );
  }

  /** Runs one sample. Throws what running throws. */
  async read(feed: Feed, position: number, sink: StatisticsSink): Promise<void> {
    await sink.ready();
    const names = this.tapped.map(({ name }) => name);
    const results = await this.session.run(feed, names.length > 0 ? names : undefined);
    const parts: SamplePart[] = [];
    const push = (tensor: number, value: TensorValue | undefined, copy: boolean) => {
      // Only float32 is ever quantized.
      if (value?.data instanceof Float32Array)
        parts.push({ tensor, dims: value.dims, data: copy ? value.data.slice() : value.data });
    };
    for (const { name, tensor } of this.tapped) push(tensor, results[name], false);
    // Inputs belong to whoever reads the data.
    for (const { name, tensor } of this.inputs) push(tensor, feed[name], true);
    sink.add(position, parts);
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
