/** The graph that the runtime really executes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { externalSource, hold, isExternal, parseModel, tensorBytes, type Model } from '../onnx';
import { Session, type SessionSettings } from './session';

/**
 * Loads a model and reads back the graph after all optimizations at the level that users get.
 * Throws `model.does-not-load`.
 */
export async function optimizedGraph(
  model: Uint8Array | string,
  settings: SessionSettings = {},
): Promise<Model> {
  const { session, graph } = await openOptimized(model, settings);
  await session.release();
  return graph;
}

/**
 * The session too, which runs what users run: a graph of ten thousand nodes takes the runtime seconds to optimize, and once is
 * enough. Throws `model.does-not-load`.
 */
export async function openOptimized(
  model: Uint8Array | string,
  settings: SessionSettings = {},
): Promise<{ session: Session; graph: Model }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vernier-'));
  try {
    const file = path.join(folder, 'optimized.onnx');
    const session = await Session.open(model, { ...settings, optimizedModelPath: file });
    try {
      return { session, graph: parseModel(await readFile(file)) };
    } catch (error) {
      await session.release();
      throw error;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The same for a large model: the weights that the runtime executes with stay on disk, in `folder`, which must not exist and
 * is the caller's to remove. They are written one after the other, so that memory does not grow with them.
 */
export async function optimizedGraphIn(
  folder: string,
  model: string,
  settings: SessionSettings = {},
): Promise<Model> {
  const file = path.join(folder, 'optimized.onnx');
  const session = await Session.open(model, {
    ...settings,
    prepack: false, // the graph is the same, and weights are not copied
    optimizedModelPath: file,
    optimizedDataFile: 'optimized.data',
  });
  await session.release();
  const optimized = parseModel(await readFile(file), file);
  for (const tensor of optimized.graph.initializer)
    if (isExternal(tensor)) hold(tensor, externalSource(tensor, folder, tensorBytes(tensor)));
  return optimized;
}
