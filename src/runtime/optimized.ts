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
  const folder = await mkdtemp(path.join(tmpdir(), 'vernier-'));
  try {
    const file = path.join(folder, 'optimized.onnx');
    const session = await Session.open(model, { ...settings, optimizedModelPath: file });
    await session.release();
    return parseModel(await readFile(file));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The same with the session, which runs what users run: the runtime takes seconds to optimize ten thousand nodes, and once is
 * enough. The weights that it executes with stay on disk, in `folder`, which is the caller's to make and to remove. They are
 * written one after the other, so that memory does not grow with them. Throws `model.does-not-load`.
 */
export async function openOptimized(
  folder: string,
  model: string,
  settings: SessionSettings = {},
): Promise<{ session: Session; graph: Model }> {
  const file = path.join(folder, 'optimized.onnx');
  const session = await Session.open(model, {
    ...settings,
    optimizedModelPath: file,
    optimizedDataFile: 'optimized.data',
  });
  try {
    const optimized = parseModel(await readFile(file), file);
    for (const tensor of optimized.graph.initializer)
      if (isExternal(tensor)) hold(tensor, externalSource(tensor, folder, tensorBytes(tensor)));
    return { session, graph: optimized };
  } catch (error) {
    await session.release();
    throw error;
  }
}
