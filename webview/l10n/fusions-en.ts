/** The view of fusions; why nodes do not run as one, and what would free them, by the code of what blocks. */
export const enFusions = {
  'fusions.empty': 'No group of nodes here can run as one.',
  'fusions.blocked': 'Blocked',
  'fusions.will': 'Will fuse',
  'fusions.done': 'Done',
  'fusions.blockedTip': 'Could be one, but a node stands in the way',
  'fusions.willTip': 'Become one when the model is quantized',
  'fusions.doneTip': 'Are one in the written file',
  'fusions.all': 'All',
  'fusions.show': 'What to show',
  'fusions.pattern': 'Pattern',
  'fusions.everyPattern': 'every pattern',
  'fusions.none': 'Nothing of this pattern here.',
  'fusions.breaks': 'Quantization breaks',
  'fusions.breaksTip': 'Integers are made floats and integers again',
  'fusions.saves': 'saves {bytes}',
  'fusions.gone': 'gone',
  'fusions.byPass': 'our pass: {name}',
  'fusions.byRuntime': 'onnxruntime ({level}): {name}',
  'fusions.alone': 'onnxruntime alone does not:',
  'fusions.conversions': '{n|1 conversion|{n} conversions}',
  'fusions.inFloat': 'then {time} in float',
  'fusions.moreNodes': 'and {n} more',
  'fusions.break.codes': 'Codes written anew',
  'fusions.break.no-kernel': '{op} has no integer kernel here and runs in float.',
  'fusions.unbreak.no-kernel':
    'Put an operator that has one in its place, or keep the layers around it in float, which saves the conversions.',
  'fusions.break.kept-float': '{op} could run in integers, and is written in float.',
  'fusions.unbreak.kept-float':
    'Let it be quantized: take it out of keep_fp32, or give it a range.',
  'fusions.break.rescaled': 'The codes are only written anew, with another scale or zero point.',
  'fusions.unbreak.rescaled': 'Give both sides the same range.',
  'fusions.measure': 'Measure Gain',
  'fusions.measureTip': 'Time the model without one of the runtime’s optimizers after the other',
  'fusions.gains': 'What fusing gains',
  'fusions.without': 'Without',
  'fusions.apart': 'Comes apart',
  'fusions.nodes': 'Nodes',
  'fusions.msWithout': 'ms without',
  'fusions.msWith': 'ms with',
  'fusions.gain': 'Gain, ×',
  'fusions.allOptimization': 'all optimization',
  'fusions.everything': 'everything',
  'fusions.unproven': 'no difference proven',
  'fusions.slower': 'slower with it here',
  'fusions.idle': 'Without {names} nothing comes apart: no part in it, or others do it then.',
  'fusions.gainsOn': '{model}, {pairs} interleaved runs or more, on {source}',
  'fusions.gainsSum': 'Gains of optimizers that build on one another do not add up.',
  'fusions.gain.Pad+Conv':
    'The padding happens while the kernel reads: the padded copy of the tensor is never written.',
  'fusions.gain.Conv+BatchNorm':
    'What follows goes into the weights or the kernel of the convolution and costs no pass of its own; unfolded it would run in float between two integer layers.',
  'fusions.gain.Conv+BatchNorm+Activation':
    'What follows goes into the weights or the kernel of the convolution and costs no pass of its own; unfolded it would run in float between two integer layers.',
  'fusions.gain.Conv+Activation':
    'What follows goes into the weights or the kernel of the convolution and costs no pass of its own; unfolded it would run in float between two integer layers.',
  'fusions.gain.Conv+Scale':
    'What follows goes into the weights or the kernel of the convolution and costs no pass of its own; unfolded it would run in float between two integer layers.',
  'fusions.gain.LayerNorm':
    'One kernel reads the tensor twice instead of nine that write and read it in turn.',
  'fusions.gain.RMSNorm':
    'One kernel reads the tensor twice instead of nine that write and read it in turn.',
  'fusions.gain.MatMul+Add':
    'The bias is added while the product is written: a pass over the result less.',
  'fusions.gain.GELU':
    'One kernel instead of five that write and read the widest tensor of the block in turn.',
  'fusions.gain.Add+GELU':
    'The bias is added while the kernel reads: a pass over the widest tensor of the block less.',
  'fusions.gain.Gemm+Activation':
    'The activation is computed while the product is written: a pass over the result less.',
  'fusions.gain.Attention':
    'Queries, keys and values come from one product, and no matrix of scores is written and read four times.',
  'fusions.gain.SkipLayerNorm':
    'The sum is normalized while it is computed: it is written and read once less.',
  'fusions.gain.Transpose pair': 'A copy of the tensor less, or two where they undo one another.',
  'fusions.gain.Transpose+MatMul':
    'The kernel reads the matrix the other way round: no transposed copy is written.',
  'fusions.gain.MatMul+Scale':
    'The kernel multiplies by the constant while it writes: a pass over the matrix less.',
  'fusions.gain.OneHot+MatMul':
    'Rows of the matrix are read by their indices: no one-hot tensor is written, and nothing is multiplied by zero.',
  'fusions.gain.Conv+Add':
    "In float they run as one kernel; in integers as two, QLinearConv and QLinearAdd, with the activation in the range of the sum's quantizer.",
  'fusions.gain.Conv+Add+Activation':
    "In float they run as one kernel; in integers as two, QLinearConv and QLinearAdd, with the activation in the range of the sum's quantizer.",
  'fusions.gain.DQ+Q': 'Two passes over the tensor, and its float copy, are not made.',
  'fusions.gain.DQ+Operator+Q':
    'It computes with 8-bit integers, and the tensors around it are a quarter as large.',
  'fusions.why.second-reader': 'also reads the value before {op}.',
  'fusions.free.second-reader': 'Let it read the result, or compute the value twice.',
  'fusions.why.graph-output': 'the value before {op} is an output of the model.',
  'fusions.free.graph-output': 'Export the model without that output.',
  'fusions.why.not-constant': "'{tensor}' is computed, not a constant.",
  'fusions.free.not-constant':
    'Export the model in eval mode, with its parameters as initializers.',
  'fusions.why.overridable':
    "'{tensor}' is an input of the model too, so it is no constant to the runtime.",
  'fusions.free.overridable': 'Take the initializers out of the inputs; quantizing does it.',
  'fusions.why.shape': "'{tensor}' has the shape {value}.",
  'fusions.free.shape': 'Give it the shape that the fused operator takes.',
  'fusions.why.shape-unknown': "the shape of '{tensor}' is not known before it runs.",
  'fusions.free.shape-unknown': 'Export the model with fixed input sizes.',
  'fusions.why.opset': 'the fusion does not know {op} of opset {value}.',
  'fusions.free.opset': 'Export the model for another opset.',
  'fusions.why.attribute': 'its {value}.',
  'fusions.free.attribute': 'Change it in the source of the model, if it may be another.',
  'fusions.why.qdq-between': 'a QuantizeLinear and a DequantizeLinear stand in between.',
  'fusions.free.qdq-between':
    'Quantize behind the last of the nodes only, or keep them in FP32 where that is faster.',
  'fusions.why.type': "'{tensor}' is {value}.",
  'fusions.free.type': 'Keep this part in float32.',
  'fusions.why.provider': 'onnxruntime has no fused kernel for {op} on CPU.',
  'fusions.free.provider': 'Use an operator that has one.',
  'fusions.why.layout': "its result '{tensor}' is not in the layout that convolutions work in.",
  'fusions.free.layout': 'Let another convolution, pool or activation make that operand.',
  'fusions.why.no-bias': 'it has no bias, which the fused kernel wants.',
  'fusions.free.no-bias': 'Give the Conv a bias, if only of zeros.',
  'fusions.why.same-value': 'both of its inputs are the same value.',
  'fusions.free.same-value': 'Multiply by 2 instead.',
  'fusions.why.form': 'written otherwise than the runtime looks for: {value}.',
  'fusions.free.form': 'Export it in the form that docs/fusions.md shows.',
  'fusions.why.parameters': 'scale, zero point or type differ from those before it.',
  'fusions.free.parameters': 'Give both the same parameters.',
  'fusions.why.taken': 'its {op} runs as a part of {value}.',
  'fusions.free.taken': 'Nothing needs to be done: that node runs in another form.',
  'fusions.why.unknown': 'the runtime leaves this {op} a node of its own, for a reason not known.',
  'fusions.free.unknown': 'Compare the nodes with the form that docs/fusions.md shows.',
};
