import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bertBase } from './bert-base';
import { efficientnetB0 } from './efficientnet-b0';
import { gpt, LARGE } from './gpt';
import { manyNodes } from './many-nodes';
import { mobilenetV2 } from './mobilenet-v2';
import type { Net } from './net';
import { resnet50 } from './resnet50';
import { writeNet } from './write';

/** A network of full size. */
export interface Architecture {
  build(): Net;
  /** Published number of learned parameters, where there is one. */
  parameters: number | null;
  /** Weights lie in a file beside the model. */
  external?: boolean;
}

/** By name. The counts are those of torchvision's and Hugging Face's model pages. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  resnet50: { build: resnet50, parameters: 25_557_032 },
  mobilenet_v2: { build: mobilenetV2, parameters: 3_504_872 },
  efficientnet_b0: { build: efficientnetB0, parameters: 5_288_548 },
  bert_base: { build: bertBase, parameters: 109_482_240 },
  gpt_2500mb: { build: () => gpt(LARGE), parameters: null, external: true },
  nodes_10000: { build: () => manyNodes(10_000), parameters: null },
};

/** Changes whenever the same seed gives other files. */
const VERSION = 3;
const SEED = 20260101;

/** The file of an architecture in `folder`, written there where it is not yet. @throws where nothing has that name */
export async function architectureFile(name: string, folder: string): Promise<string> {
  const architecture = ARCHITECTURES[name];
  if (!architecture)
    throw new Error(`there is no '${name}': ${Object.keys(ARCHITECTURES).join(', ')}`);
  const file = path.join(folder, `${name}.onnx`);
  const stampFile = path.join(folder, `${name}.stamp`);
  const stamp = `${VERSION} ${SEED}`;
  const known = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (known && existsSync(file)) return file;
  await writeNet(architecture.build(), file, {
    seed: SEED,
    external: architecture.external ?? false,
  });
  writeFileSync(stampFile, stamp);
  return file;
}
