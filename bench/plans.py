"""Greedy lists of layers to exclude by what onnxruntime.quantization measures, on mobilenet; prints one JSON line.

    OUT=FOLDER python3 plans.py BASELINES

Every list grows by one node at a time, and is measured on the samples that were not calibrated on, in a session without
WeightBiasQuantization: that pass would quantize again what the list leaves in FP32.
  weights    by compute_weight_error, the worst first
  local      by compute_activation_error's qdq_err of the node's result
  xmodel     by its xmodel_err
  single     by what excluding that node alone brings at the output
  greedy     the node that brings most beside those before it, of all nodes, at every step
The last two are what a patient user of the tool can do; they choose on the very samples that they are measured on.
Files that Vernier wrote are measured by the same script, and then nothing else is done:

    OUT=FOLDER python3 plans.py BASELINES FILE…
"""
import contextlib
import io
import json
import os
import sys

import numpy as np

baselines, *files = sys.argv[1:]
sys.path.insert(0, baselines)
import ort_peer as peer  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType  # noqa: E402
from onnxruntime.quantization.calibrate import create_calibrator  # noqa: E402
from onnxruntime.quantization.qdq_loss_debug import (  # noqa: E402
    collect_activations,
    compute_activation_error,
    compute_weight_error,
    create_activation_matching,
    create_weight_matching,
    modify_model_output_intermediate_tensors,
)
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer  # noqa: E402

MOST = 8
QUANTIZED = ['Conv', 'Gemm', 'MatMul', 'Add', 'GlobalAveragePool', 'AveragePool', 'MaxPool', 'Clip', 'Relu', 'Reshape', 'Transpose', 'Softmax']


class Reader(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        model, options, providers=['CPUExecutionProvider'], disabled_optimizers=['WeightBiasQuantization']
    )


path, x, y, calibration = peer.mobilenet()
path = f'{peer.DATA}/{path}'
unseen = [i for i in range(len(x)) if i % 3 != 0]
evaluation = [x[i] for i in unseen]
exact = peer.session(path)
reference = [exact.run(None, feed) for feed in evaluation]


def measure(model):
    """SQNR in dB, share of equal labels, and signal and noise of every sample, for the paired interval."""
    running = session(model)
    outputs = [running.run(None, feed) for feed in evaluation]
    pairs = [(a[0].astype(float), b[0].astype(float)) for a, b in zip(reference, outputs)]
    return {
        'sqnr': min(map(float, peer.sqnr(reference, outputs))),
        'same': float(np.mean([a.argmax() == b.argmax() for a, b in pairs])),
        'powers': [(float((a**2).sum()), float(((a - b) ** 2).sum())) for a, b in pairs],
    }


if files:
    print(json.dumps([{**measure(f), 'bytes': os.path.getsize(f)} for f in files]))
    sys.exit()

os.makedirs(peer.OUT, exist_ok=True)
with contextlib.redirect_stdout(io.StringIO()):
    source = peer.prepared('mobilenet', path)
    calibrator = create_calibrator(
        source, [], augmented_model_path=f'{peer.OUT}/augmented.onnx', calibrate_method=CalibrationMethod.MinMax
    )
    calibrator.collect_data(Reader(calibration))
    ranges = calibrator.compute_data()
operators = {n.op_type for n in onnx.load(source).graph.node} & set(QUANTIZED)


def quantized(excluded):
    """As quantize_static writes it, without calibrating again."""
    with contextlib.redirect_stdout(io.StringIO()):
        quantizer = QDQQuantizer(
            onnx.load(source), True, False, QuantType.QInt8, QuantType.QUInt8, ranges, [], list(excluded),
            sorted(operators), {'MinimumRealRange': None},
        )
        quantizer.quantize_model()
    return quantizer.model.model


def file_of(model):
    return model.SerializeToString()


nodes = [n for n in onnx.load(source).graph.node if n.op_type in ('Conv', 'Gemm', 'MatMul')]
names = [n.name for n in nodes]
base = quantized([])
search = lambda excluded: measure(file_of(quantized(excluded)))['sqnr']  # noqa: E731

lists = {}
base_file = f'{peer.OUT}/base.onnx'
onnx.save(base, base_file)
weights = compute_weight_error(create_weight_matching(source, base_file))
by_weight = {n.name: next((float(np.min(v)) for k, v in weights.items() if k in n.input), np.inf) for n in nodes}
lists['weights'] = sorted(names, key=by_weight.get)[:MOST]

with contextlib.redirect_stdout(io.StringIO()):
    taps = []
    for file in (source, base_file):
        to = file.replace('.onnx', '.taps.onnx')
        modify_model_output_intermediate_tensors(file, to)
        taps.append(collect_activations(to, Reader(evaluation)))
    errors = compute_activation_error(create_activation_matching(taps[1], taps[0]))
# a Conv's result may be matched only behind its activation
readers = {i: n for n in onnx.load(source).graph.node for i in n.input}
def found(node, key):
    tensor = node.output[0]
    for _ in range(3):
        if tensor in errors and key in errors[tensor]:
            return float(errors[tensor][key])
        if tensor not in readers:
            break
        tensor = readers[tensor].output[0]
    return np.inf


for name, key in (('local', 'qdq_err'), ('xmodel', 'xmodel_err')):
    lists[name] = sorted(names, key=lambda n: found(nodes[names.index(n)], key))[:MOST]

alone = {n: search([n]) for n in names}
lists['single'] = sorted(names, key=alone.get, reverse=True)[:MOST]
chain = []
while len(chain) < MOST:
    gains = alone if not chain else {n: search([*chain, n]) for n in names if n not in chain}
    chain.append(max(gains, key=gains.get))
lists['greedy'] = chain

print(json.dumps({
    'version': onnxruntime.__version__,
    'base': measure(file_of(base)),
    'lists': {
        name: [
            {'layers': chosen[:k], **measure(file_of(quantized(chosen[:k])))}
            for k in range(1, MOST + 1)
        ]
        for name, chosen in lists.items()
    },
}))
