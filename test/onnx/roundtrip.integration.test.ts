import { equals } from '@bufbuild/protobuf';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VernierError } from '../../src/errors';
import { ModelProtoSchema } from '../../src/onnx/gen/onnx_pb';
import { parseModel } from '../../src/onnx/load';
import { serializeModel } from '../../src/onnx/save';
import { noShared, SHARED, sharedFiles } from './shared';

describe.skipIf(noShared)('every shared model', () => {
  it('is written as it was read, byte for byte, or is refused by name', () => {
    const equal: string[] = [];
    const refused: string[] = [];
    let same = 0;
    for (const file of sharedFiles()) {
      const bytes = readFileSync(path.join(SHARED, file));
      let written: Uint8Array;
      let model;
      try {
        model = parseModel(bytes, file);
        written = serializeModel(model);
      } catch (error) {
        refused.push(`${path.basename(file)}: ${(error as VernierError).code}`);
        continue;
      }
      if (Buffer.compare(bytes, written) === 0) {
        same++;
        continue;
      }
      expect([file, equals(ModelProtoSchema, parseModel(written).proto, model.proto)]).toEqual([
        file,
        true,
      ]);
      equal.push(file);
    }
    console.info({ same, equal, refused });
    // a file of a fuzzer: tags with flipped bits
    expect(refused).toEqual(['icm-31000000518082.onnx: model.truncated']);
    expect(equal).toHaveLength(2);
    expect(same).toBe(744);
  });

  it('survives edits of a copy', () => {
    for (const file of sharedFiles('models')) {
      const model = parseModel(readFileSync(path.join(SHARED, file)));
      const before = serializeModel(model);
      const copy = model.copy();
      for (const t of copy.graph.initializer) t.rawData = new Uint8Array(4);
      for (const node of copy.graph.node) node.input.push('more');
      copy.graph.node.length = 0;
      expect(Buffer.compare(before, serializeModel(model))).toBe(0);
    }
  });
});
