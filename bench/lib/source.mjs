// The engine's own TypeScript, bundled for this run: what is measured is what people get.
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { at, root } from '../../scripts/lib/paths.mjs';

/** Where a run keeps what the next one can use; git ignores it. */
export const cache = (...parts) => at('.cache', 'bench', ...parts);

/** Bundles modules (name → what to export of it) and returns the bundle's file. Packages stay outside. */
async function bundle(name, modules) {
  const outfile = cache(`${name}.mjs`);
  const contents = Object.entries(modules)
    .map(([module, names]) => `export ${names} from './${module}';`)
    .join('\n');
  await esbuild.build({
    absWorkingDir: root,
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    outfile,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: { 'import.meta.dirname': JSON.stringify(at('test', 'lib')) },
    logLevel: 'warning',
  });
  return outfile;
}

/** What a client of the worker needs, and the splits that the tests use too. */
export async function loadClient() {
  const file = await bundle('client', {
    'src/jobs/client': '{ JobClient }',
    'src/jobs/store': '{ readResult }',
    'src/recipe/hurts': '{ hurtingLayers }',
    'test/lib/shared': '*',
  });
  return import(pathToFileURL(file).href);
}

/** The bundle of the calibration's own parts, for a process of its own. */
export const bundleEngine = () =>
  bundle('engine', {
    'src/data': '{ openData }',
    'src/jobs/memory': '{ Memory }',
    'src/jobs/stages/calibrate': '{ tappedTensors }',
    'src/jobs/subject': '{ openSubject }',
    'src/quantize/calibrate': '{ calibrate }',
    'src/runtime/session': '{ Session }',
  });

/** The networks of full size, and where they are written. */
export async function loadArchitectures() {
  const file = await bundle('architectures', {
    'bench/architectures': '{ ARCHITECTURES, architectureFile }',
  });
  return import(pathToFileURL(file).href);
}

/** What the corpus asks of a file besides running it. */
export async function bundleCorpus() {
  const file = await bundle('corpus-engine', {
    'src/onnx': '{ loadModel, valueType }',
  });
  const { loadModel, valueType } = await import(pathToFileURL(file).href);
  return {
    /** The inputs that data must give: name and shape. */
    async inputsOf(path) {
      const { graph } = await loadModel(path);
      const constants = new Set(graph.initializer.map(({ name }) => name));
      return graph.input
        .filter(({ name }) => !constants.has(name))
        .map((info) => ({ name: info.name, shape: valueType(info).shape ?? [] }));
    },
    /** True where a layer has a constant float weight. */
    async holdsWeight(path) {
      const { graph } = await loadModel(path);
      const floats = new Set([
        ...graph.initializer.filter(({ dataType }) => dataType === 1).map(({ name }) => name),
        ...graph.node.filter(({ opType }) => opType === 'Constant').map(({ output }) => output[0]),
      ]);
      const layers = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN'];
      return graph.node.some(
        ({ opType, input }) => layers.includes(opType) && floats.has(input[1]),
      );
    },
  };
}
