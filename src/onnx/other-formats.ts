/** Model files that people bring although they are not ONNX, and what to do with them. */

const HINTS: Record<string, { what: string; remedy: string }> = {
  '.pt': {
    what: 'a PyTorch file',
    remedy:
      "Export it: torch.onnx.export(model, example_input, 'model.onnx'), then open model.onnx.",
  },
  '.tflite': {
    what: 'a TensorFlow Lite file',
    remedy: 'Convert it: python -m tf2onnx.convert --tflite model.tflite --output model.onnx.',
  },
  '.ort': {
    what: "onnxruntime's own format, already optimized",
    remedy: 'Use the .onnx file that it was made from.',
  },
  '.h5': {
    what: 'a Keras file',
    remedy:
      'Convert it with tf2onnx: python -m tf2onnx.convert --keras model.h5 --output model.onnx.',
  },
  '.pb': {
    what: 'a TensorFlow graph, or a tensor',
    remedy:
      'Convert a graph with python -m tf2onnx.convert --graphdef model.pb --output model.onnx.',
  },
  '.safetensors': {
    what: 'weights without a graph',
    remedy: 'Export the model that they belong to, e.g. with optimum-cli export onnx.',
  },
};
HINTS['.pth'] = HINTS['.pt']!;
HINTS['.ckpt'] = HINTS['.pt']!;
HINTS['.keras'] = HINTS['.h5']!;

/** What to say of a file whose name tells that it is not ONNX; null where it may be ONNX. */
export function otherFormat(file: string): { message: string; remedy: string } | null {
  const dot = file.lastIndexOf('.');
  const hint = dot < 0 ? undefined : HINTS[file.slice(dot).toLowerCase()];
  return hint ? { message: `This is ${hint.what}, not an ONNX model.`, remedy: hint.remedy } : null;
}
