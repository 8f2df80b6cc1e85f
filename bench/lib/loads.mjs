// Says of every model named on standard input whether the runtime loads it: a line of JSON each. A process of its
// own, because some files end the process that tries.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { InferenceSession } = createRequire(import.meta.url)('onnxruntime-node');

for await (const file of createInterface({ input: process.stdin })) {
  const options = { logSeverityLevel: 4, intraOpNumThreads: 1, interOpNumThreads: 1 };
  let loads = true;
  try {
    await (await InferenceSession.create(file, options)).release();
  } catch {
    loads = false;
  }
  console.log(JSON.stringify({ file, loads }));
}
