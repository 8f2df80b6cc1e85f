/** The graph that the runtime really executes. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseModel, type Model } from '../onnx';
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
