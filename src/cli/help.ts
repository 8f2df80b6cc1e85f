import { formsAt, keysAt, schemaOf, schemasAt } from '../recipe/json-schema';
import { usage } from './tokens';

const main = `
vernier quantizes ONNX models and shows, layer by layer, what that does to them.

Usage
  vernier inspect MODEL                        what a model's file says
  vernier check MODEL --target TARGET          whether a target's rules accept a file
  vernier fusions MODEL                        which nodes run as one, and what is in the way of others
  vernier quantize MODEL --data PATH           quantize it, and measure
  vernier run RECIPE                           do what a recipe says
  vernier calibrate MODEL|RECIPE               read activation ranges, whole or a shard of them
  vernier merge FILE… -o FILE                  the whole of what shards saw
  vernier choose MODEL|RECIPE                  measure which mode is best here
  vernier plan MODEL|RECIPE                    which layers to keep in FP32, and what that buys
  vernier sensitivity MODEL|RECIPE             what quantizing each layer does to the outputs
  vernier auto MODEL|RECIPE                    search for the best quantization, within minutes
  vernier dequantize MODEL                     a float model of one that was quantized before
  vernier diff MODEL OTHER                     any two models side by side: nodes, scales, outputs, size, time

Examples
  vernier inspect mobilenet.onnx
  vernier quantize mobilenet.onnx --data 'images/*.jpg' -o mobilenet.int8.onnx --report report.html
  vernier quantize lstm.onnx --mode dynamic --evaluate.data windows.npz --evaluate.labels labels.npy
  vernier quantize gpt.onnx --mode weight-only --weights uint4 --block 32 --evaluate.data windows.npy
  vernier quantize mobilenet.onnx --data random --keep_fp32 '/head/*' --recipe mobilenet.quant.yaml
  vernier run mobilenet.quant.yaml --json > result.json
  vernier choose lstm.onnx --data windows.npz --latency.threads 1

For all commands
  --json         one JSON document on stdout: the result, or { "error": … }
  -q, --quiet    no progress and no tables
  -h, --help     this text; vernier COMMAND --help says more
  -V, --version

Results go to stdout, progress and errors to stderr. What a command reads (model, data, recipe) is never overwritten.

Exit codes
  0    done
  1    failed on the way (disk full, a crash, a kept layer that would run in INT8 …)
  2    wrong input: the model, the data, the recipe or the command line
  3    done, but a limit of the recipe or a rule of the target is not met
  130  cancelled with Ctrl-C; nothing half-written is left behind
`;

const inspect = `
vernier inspect MODEL [--json] [--quiet]

Says what is in an .onnx file before anything is quantized: inputs and outputs, every layer with its kind,
shape, multiply-accumulates, parameters and the range of its weights after folding, and which nodes can be
fused into one, or what is in the way. Nothing is written.

Examples
  vernier inspect mobilenet.onnx
  vernier inspect mobilenet.onnx --json | jq '.layers[] | select(.op == "Conv") | .name'
`;

const check = `
vernier check MODEL --target tensorrt|fpga-fixed|onnx|x86-avx2 [--json] [--quiet]

Checks any ONNX file by the rules of a target, node by node, and says what to do about it. Nothing is written.

  tensorrt     what TensorRT's parser refuses (zero points, uint8, int32 biases, scales by channel of activations,
               quantized operators) and where its documentation wants quantizers so that layers fuse
  fpga-fixed   scales that are no powers of two, zero points other than 0
  onnx         operators that are not ONNX's own
  x86-avx2     layers whose sums clip at 16 bits on processors without VNNI

The exit code is 3 where there is an error.

Examples
  vernier check mobilenet.int8.onnx --target tensorrt
  vernier check mobilenet.int8.onnx --target x86-avx2 --json | jq '.findings[].node'
`;

const fusions = `
vernier fusions MODEL [--measure [--data PATH] [--threads N]] [--report FILE.html] [--json] [--quiet]

Says which nodes of an .onnx file can run as one (Conv with BatchNormalization and activation, MatMul with bias,
LayerNorm, GELU, attention, Pad, Transpose, operators between DequantizeLinear and QuantizeLinear …), each

  done     the graph that onnxruntime executes shows it
  will     one of our passes does it when the model is quantized
  blocked  by which node, why, and what would free it

with the bytes that are not written and read any more. Of a quantized model it says where integers are made floats
and integers again, what that costs, and which operator is to blame. Nothing but the report is written.

--measure times what fusing gains on this machine: the model without one of the runtime's optimizers after the other
against the same with all of them, in interleaved runs, with intervals; on random input, or on the first sample of --data;
with the runtime's threads, or --threads.

Examples
  vernier fusions ultraface.onnx
  vernier fusions ultraface.onnx --measure --report fusions.html
  vernier fusions net.int8.onnx --json | jq '.breaks[] | {layer, bytes, reason}'
`;

const run = `
vernier run RECIPE [flags]

Does what a recipe (NAME.quant.yaml) says: calibrates, quantizes, checks what the runtime really executes,
and measures accuracy, speed and the error of every layer. What has not changed since the last run is not
computed again. Paths in a recipe start at the recipe.

Flags
  --report FILE     write a report: .html or .md
  --until STAGE     stop after: calibrate, quantize, evaluate, all (default)
  --json, --quiet   as everywhere

Examples
  vernier run mobilenet.quant.yaml
  vernier run mobilenet.quant.yaml --until quantize
  vernier run mobilenet.quant.yaml --json --report report.html > result.json
`;

const calibrate = `
vernier calibrate MODEL|RECIPE [--shard I/N] [-o FILE] [--export FORMAT=FILE] [flags]

Runs the calibration alone and says what it saw: the range of every tensor, how ranges settle with the number of
samples, duplicates, constant inputs, NaN and infinity. What was seen before is not computed again, and what was
cut off goes on.

  --shard I/N       the I-th of N parts of the samples, from 1 on: for machines side by side (Slurm arrays,
                    Kubernetes indexed jobs). Its statistics go to a file, for vernier merge
  -o, --output FILE where the statistics go; NAME.I-of-N.statistics.json for a shard by default, else nowhere
  --statistics FILE statistics of vernier merge in place of running (calibration.statistics_file in a recipe)
  --export FORMAT=FILE
                    ranges for other tools, as the recipe's observer chooses them: onnxruntime (JSON),
                    onnxruntime-flatbuffers, onnxruntime-text, tensorrt (calibration cache), aimet (encodings),
                    overrides or tensor-quant-overrides (TensorQuantOverrides); may be given several times
  --data PATH       for a model: calibration data. Every other recipe key is a flag too, as for vernier quantize
  --json, --quiet   as everywhere

Examples
  vernier calibrate mobilenet.onnx --data 'images/*.jpg' --export tensorrt=mobilenet.cache
  vernier calibrate mobilenet.quant.yaml --shard $((SLURM_ARRAY_TASK_ID + 1))/64 -o part-$SLURM_ARRAY_TASK_ID.json
  vernier merge part-*.json -o whole.json && vernier quantize mobilenet.onnx --statistics whole.json
`;

const merge = `
vernier merge FILE FILE … -o FILE [--json] [--quiet]

Merges the statistics that vernier calibrate --shard wrote into those of the whole: bit for bit what one run over
all samples gives. Shards have to be of the same model, data, settings and runtime, and hold every sample once.

  -o, --output FILE where the whole goes
  --json, --quiet   as everywhere

Example
  vernier merge part-*.json -o whole.json
`;

const choose = `
vernier choose MODEL|RECIPE [--modes MODE,MODE] [flags]

Writes the model in every mode, compares each with FP32 on the same samples, times each against FP32 in
processes of their own, and says which wins on this machine: the fastest that keeps the accuracy, or FP32
where none is faster. Small recurrent cells, for one, get slower in INT8. No model is kept; with mode: auto
in a recipe the winner is written.

  --modes MODES     which modes: dynamic, static by default
  --data PATH       for a model: calibration data; static needs it. Every other recipe key is a flag too,
                    as for vernier quantize; in a recipe they stand already
  --json, --quiet   as everywhere

Examples
  vernier choose lstm.onnx --data windows.npz --evaluate.data held-back.npz --evaluate.labels labels.npy
  vernier choose mobilenet.quant.yaml --json | jq .winner
`;

const plan = `
vernier plan MODEL|RECIPE [--layers N] [--minutes M] [--write] [flags]

Tries every layer alone in INT8, then takes layers out of INT8 one by one (into FP32, or into 16-bit activations),
the best next one of a few at each step. Every plan is run as the runtime executes it; what adding noise powers and
all other plans make one expect of it stands beside it. With limits: in the recipe the plan of fewest layers that meets them is given, or the
closest with what is missing. What was tried is kept: the same command goes on where it was stopped.

  --layers N        layers that a plan may take out of INT8 at most; 8 by default
  --minutes M       stop then, with the best so far; 2 by default
  --untimed         measure no speed
  --write           add the plan to the recipe: keep_fp32: and layers:; its comments stay
  --report FILE     write a report: .html
  --data PATH       for a model: calibration data. Every other recipe key is a flag too, as for vernier quantize
  --json, --quiet   as everywhere

Examples
  vernier plan mobilenet.quant.yaml --layers 4
  vernier plan mobilenet.onnx --data 'images/*.jpg' --limits.sqnr_db 20 --json | jq '.plans[.recommended]'
`;

const sensitivity = `
vernier sensitivity MODEL|RECIPE [--stage S] [--measure M] [--top K] [--minutes M] [--report FILE.html] [flags]

Says what quantizing each layer does to the outputs, the worst layer first. Stages go cheapest first, each shows how
long it will take, and what the time did not suffice for is left out:

  analytic   from the histograms of calibration, weights and graph, without a run: it orders layers
  two-pass   from the noise that each layer makes on exact inputs, and the noise that comes together in the whole
             quantized model: mostly within a few dB. It also says what of a layer's noise came in with its inputs
  exact      by running the model with only this layer quantized, only its weights, only its inputs; then the whole
             quantized model with just this layer in FP32, for the loudest ones

What was measured is kept, also after Ctrl-C: the same command goes on from there, and so does vernier run.

  --stage S         how far it goes: analytic, two-pass, exact (default; sensitivity.stage in a recipe)
  --measure M       what layers are compared and sorted by: sqnr (default), cosine, kl, same-label, or metric: that of
                    the recipe (evaluate.metric), over the whole evaluation set, with paired intervals to FP32, and
                    what keeping each layer buys against the whole quantized model
  --top K           with --measure metric: for the K loudest layers; 5 by default
  --minutes M       stop then, with the best so far; 2 by default
  --report FILE     write a report: .html
  --data PATH       for a model: calibration data. Every other recipe key is a flag too, as for vernier quantize
  --json, --quiet   as everywhere

Examples
  vernier sensitivity mobilenet.quant.yaml
  vernier sensitivity mobilenet.onnx --data 'images/*.jpg' --stage two-pass --json | jq '.layers[0]'
  vernier sensitivity mobilenet.quant.yaml --measure metric --top 3 --minutes 10
`;

const auto = `
vernier auto MODEL|RECIPE [--minutes M] [--write] [--recipe FILE] [flags]

Searches for the quantization that is fastest on this machine and meets the limits of the recipe: over modes, observers,
granularity, types, bias correction, and layers to take out of INT8. Without limits what is found may lose a point of
accuracy; else 2 % of the labels; else it keeps 20 dB of signal over noise, whichever can be measured. Of those that are
equally fast the closest to FP32 is taken; where nothing is faster, FP32 stays. No model is written: what is found is a
recipe, for vernier run. With quantization: auto a recipe does both at once.

The data is calibrated on once. Candidates are compared with FP32 on few samples first, the better ones on more, and timed
against FP32, interleaved; those that run the same kernels are timed once. All that was tried is listed with what became of
it, and is kept: the same command goes on where it was stopped, and more minutes go on from there.

  --minutes M       over all times that this search runs; 5 by default
  --write           put what was found into the recipe; its other sections and their comments stay
  --recipe FILE     for a model: write the recipe that was found
  --report FILE     write a report: .html
  --data PATH       for a model: calibration data. Every other recipe key is a flag too, as for vernier quantize
  --json, --quiet   as everywhere

The exit code is 3 where nothing meets the limits.

Examples
  vernier auto gpt.onnx --data windows.npy --evaluate.data held-back.npy --minutes 5 --recipe gpt.quant.yaml
  vernier auto mobilenet.quant.yaml --minutes 2 --write && vernier run mobilenet.quant.yaml
`;

const quantize = `
vernier quantize MODEL --data PATH|random [--mode static|dynamic|weight-only|auto] [-o OUT] [flags]

Writes a quantized copy of a model and measures what that did to it.

  --data PATH       calibration data: a folder or glob of images, .npy or .npz, an ONNX test_data_set_* folder,
                    or random (to try it out; the numbers then say nothing about real inputs)
  --mode MODE       static (default) needs data; dynamic quantizes activations while the model runs; weight-only
                    packs weights into 4 or 8 bits and leaves activations float; auto measures static, dynamic and
                    FP32, and writes what is best here
  --weights TYPE    int8 (default); in mode weight-only uint4 (default there), int4, uint8
  --block N         weights that share a scale in mode weight-only: 16, 32 (default), 64, 128, 256
  -o, --output OUT  where the quantized model goes; NAME.int8.onnx (or int4) beside the recipe by default
  --recipe FILE     also write the recipe that these flags amount to, for vernier run
  --report FILE     write a report: .html or .md
  --until STAGE     stop after: calibrate, quantize, evaluate, all (default)
  --json, --quiet   as everywhere

Every key of a recipe is a flag too, dotted; paths start at the current folder:
`;

const quantizeExamples = `
--samples is short for --calibration.samples. A flag that is given several times is a list.

Examples
  vernier quantize net.onnx --data images --calibration.image.resize 256 --calibration.image.crop 224
  vernier quantize net.onnx --data calib.npy --keep_fp32 '/head/*' --keep_fp32 op:Softmax
  vernier quantize net.onnx --data calib.npy --evaluate.data eval.npz --evaluate.labels labels.npy --limits.top1_drop 0.01
  vernier quantize net.onnx --data calib.npy --target fpga-fixed    (also net.int8.fixed.h and net.int8.fixed.json)
`;

const dequantize = `
vernier dequantize MODEL [-o OUT] [--data PATH] [--samples N] [--json] [--quiet]

Writes a float model of one that was quantized before: codes of weights become the floats that they stand for, Q and DQ
pairs go, and integer operators (QLinearConv, MatMulInteger, MatMulNBits, DynamicQuantizeLSTM …) become float ones. What a
quantizer cut off at zero stays cut off, for that is a Relu or Clip that was left out for its sake. The file is loaded,
run, and compared with the given model; quantizers that have to stay are listed with the reason.

  -o, --output OUT  where it goes; NAME.fp32.onnx beside the model by default
  --data PATH       samples to compare both on, as for quantize; random ones by default
  --samples N       how many at most; 8 by default

Examples
  vernier dequantize net.int8.onnx -o net.fp32.onnx
  vernier dequantize net.int8.onnx --data calib.npy --json
`;

const diff = `
vernier diff MODEL OTHER [--data PATH | --recipe FILE] [--samples N] [--time] [--report FILE.html] [--json] [--quiet]

Lays two models side by side. Nodes are matched by the names that vernier recorded in what it wrote, by their own names, by
those of their results, and else by structure: the same operator on the same inputs. Nodes that only quantize or dequantize
are seen through. Then: what differs in each pair, scales of quantized tensors, outputs and inner tensors on the same
samples, size, and time.

  --data PATH         samples to run both on, as for quantize; random ones by default
  --recipe FILE       run both on what this recipe evaluates on, pictures prepared as it says
  --samples N         how many at most; 8 random ones, 32 of a recipe, all of --data by default
  --time              time both, interleaved
  --report FILE.html  write the comparison as a page

Examples
  vernier diff net.onnx net.int8.onnx --data calib.npy --time
  vernier diff net.onnx net.int8.onnx --recipe net.quant.yaml --report diff.html
  vernier diff before.onnx after.onnx --json
`;

/** The help text of a command, or of all. Throws `cli.usage` for a command that does not exist. */
export function helpText(about: string | null): string {
  switch (about) {
    case null:
      return main.trim();
    case 'inspect':
      return inspect.trim();
    case 'check':
      return check.trim();
    case 'fusions':
      return fusions.trim();
    case 'run':
      return run.trim();
    case 'dequantize':
      return dequantize.trim();
    case 'diff':
      return diff.trim();
    case 'choose':
      return choose.trim();
    case 'plan':
      return plan.trim();
    case 'sensitivity':
      return sensitivity.trim();
    case 'auto':
      return auto.trim();
    case 'calibrate':
      return calibrate.trim();
    case 'merge':
      return merge.trim();
    case 'quantize':
      return `${quantize.trim()}\n\n${recipeKeys().join('\n')}\n${quantizeExamples.trimEnd()}`;
    default:
      throw usage(
        `There is no command '${about}'.`,
        'There are inspect, check, fusions, quantize, run, calibrate, merge, choose, plan, sensitivity, auto, dequantize and diff.',
      );
  }
}

/** One line per recipe key, from the schema that editors use. */
function recipeKeys(): string[] {
  const lines: string[] = [];
  const walk = (path: string[]) => {
    for (const [key] of keysAt(path)) {
      const inner = [...path, key];
      const nodes = schemasAt(inner);
      if (inner.join() === 'model' || inner.join() === 'layers') continue;
      if (!nodes.every(({ type }) => type === 'object')) lines.push(line(inner));
      if (keysAt(inner).size > 0) walk(inner);
    }
  };
  walk([]);
  return lines;
}

function line(path: string[]): string {
  const forms = formsAt(path).map(({ form }) => form);
  const words = [...new Set(schemasAt(path).flatMap((node) => node.enum ?? [])), ...forms];
  const description = (schemaOf(path)?.description ?? '').replaceAll('`', '');
  const [sentence] = description.split(/(?<=\.) (?=[A-Z])/);
  const name =
    path[0] === 'inputs' ? '--inputs.NAME.shape, --inputs.NAME.range' : `--${path.join('.')}`;
  const says = words.length > 0 && words.length < 9 ? words.join(' | ') : (sentence ?? '');
  return name.length < 34 ? `  ${name.padEnd(34)}${says}` : `  ${name}\n  ${' '.repeat(34)}${says}`;
}
