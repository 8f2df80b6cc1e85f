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
    'src/numeric': '{ pairedBootstrapOf }',
    'test/lib/ranks': '{ spearman }',
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
    'src/onnx': '{ serializeModel }',
    'src/quantize/calibrate': '{ calibrate }',
    'src/quantize/observers': '{ observe }',
    'src/runtime/session': '{ Session }',
    'test/lib/shared': '*',
  });

/** What tries single layers, and what quantizes a recipe with all layers but one kept. */
export const bundleSensitivity = () =>
  bundle('sensitivity', {
    'src/analyze/sensitivity': '{ wholeSums }',
    'src/jobs/memory': '{ Memory }',
    'src/jobs/meter': '{ Meter }',
    'src/jobs/open-job': '{ openJob }',
    'src/data': '{ spread }',
    'src/jobs/stages/correct': '{ correctAloneStage }',
    'src/jobs/stages/layers': '{ experimentUnits, layersAlone }',
    'src/jobs/stages/write': '{ writeStage }',
    'src/jobs/study': '{ openStudy }',
  });

/** The networks of full size, where they are written, and what times them. */
export async function loadArchitectures() {
  const file = await bundle('architectures', {
    'bench/architectures': '{ ARCHITECTURES, architectureFile }',
    'src/data': '{ openData }',
    'src/jobs/stages/latency': '{ latencyStage }',
  });
  return import(pathToFileURL(file).href);
}

/** What the corpus asks of a file besides running it, and the modes that a recipe can name. */
export async function bundleCorpus() {
  const file = await bundle('corpus-engine', {
    'src/onnx': '{ allNodes, allTensors, loadModel, tensorDims, tensorType, valueType }',
    'src/recipe/json-schema': '{ schemasAt }',
  });
  const { allNodes, allTensors, loadModel, tensorDims, tensorType, valueType, schemasAt } =
    await import(pathToFileURL(file).href);
  const modes = schemasAt(['quantization', 'mode']).flatMap((node) => node.enum ?? []);
  return {
    /** Every mode that quantizes; `auto` only chooses among them, and `qat` trains. */
    modes: [...new Set(modes)].filter((mode) => mode !== 'auto' && mode !== 'qat'),
    /** The inputs that data must give: name, type and shape. */
    async inputsOf(path) {
      const { graph } = await loadModel(path);
      const constants = new Set(graph.initializer.map(({ name }) => name));
      return graph.input
        .filter(({ name }) => !constants.has(name))
        .map((info) => {
          const { type, shape } = valueType(info);
          return { name: info.name, type, shape: shape ?? [] };
        });
    },
    /** Operators whose layers, in subgraphs too, have a constant weight of more than one axis; with its type where that is not float32. */
    async weightsOf(path) {
      const { graph } = await loadModel(path);
      const types = new Map();
      for (const { tensor, node } of allTensors(graph))
        if (tensorDims(tensor).length > 1)
          types.set(node ? node.output[0] : tensor.name, tensorType(tensor));
      const layers = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN', 'Attention'];
      const found = new Set();
      for (const { opType, input } of allNodes(graph)) {
        const type = types.get(input[1]);
        if (layers.includes(opType) && /float/.test(type ?? ''))
          found.add(type === 'float32' ? opType : `${opType} (${type})`);
      }
      return [...found].sort();
    },
  };
}

/** Recurrent layers of any size, written on demand. */
export async function loadRecurrent() {
  const file = await bundle('recurrent', { 'bench/recurrent-models': '{ twoLayers }' });
  return import(pathToFileURL(file).href);
}
