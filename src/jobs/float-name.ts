/** What `dequantize` calls its file where nobody names it: `net.int8.onnx` becomes `net.fp32.onnx`. */
export function floatName(model: string): string {
  return `${model.replace(/\.onnx$/i, '').replace(/\.(u?int\d+|quantized|qdq|q\d)$/i, '')}.fp32.onnx`;
}
