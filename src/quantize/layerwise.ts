import { topologicalOrder, type Feed, type Model, type TensorValue } from '../onnx';
import type { SessionSettings } from '../runtime/session';
import { NodeRunner } from './node-runner';

/**
 * Runs a model node by node, so that only the weights of one node are in memory at a time: a model of gigabytes runs in
 * hundreds of megabytes. What the runtime would fuse is computed apart, so the last bits may differ from a session's.
 */
export class LayerwiseModel {
  /**
   * @param model every constant of it is an initializer, as in a prepared model or in one that the runtime wrote
   * @param settings of the sessions that run its nodes
   */
  constructor(
    private readonly model: Model,
    private readonly settings: SessionSettings = {},
  ) {}

  /** The outputs of the model. Throws `model.does-not-run` where a node does not. */
  async run(feed: Feed): Promise<Record<string, TensorValue>> {
    const { graph } = this.model;
    const runner = new NodeRunner(this.model, [feed], this.settings);
    const wanted = new Set(graph.output.map((v) => v.name));
    const found: Record<string, TensorValue> = {};
    for (const name of wanted) if (feed[name]) found[name] = feed[name];
    for (const node of topologicalOrder(graph)) {
      const { outputs } = await runner.run(node);
      node.output.forEach((name, k) => {
        const value = outputs[k]?.[0];
        if (wanted.has(name) && value) found[name] = value;
      });
      runner.store(node, outputs);
    }
    return found;
  }

  /** Holds nothing between runs. */
  async release(): Promise<void> {}
}
