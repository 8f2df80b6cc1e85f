"""onnxruntime.quantization with its defaults of choice on one model of the bench; prints one JSON line.

    OUT=FOLDER python3 peer.py BASELINES SAMPLES NAME

Data, preparation and measures are those of BASELINES/ort_peer.py: the model is folded by the runtime first, then
quantized with MinMax, U8S8, per channel (mnist: per tensor, since it refuses the other), or dynamically.
"""
import contextlib
import io
import json
import os
import sys

import numpy as np

baselines, samples, case = sys.argv[1:]
sys.path.insert(0, baselines)
import ort_peer as peer  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from onnxruntime.quantization import (  # noqa: E402
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

DYNAMIC = ['MatMul', 'Gemm', 'LSTM']


class Reader(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def price_lstm(name):
    x = np.load(f'{samples}/price-lstm/evaluation.npz')['window']
    y = np.load(f'{samples}/price-lstm/labels.npy')
    return f'{samples}/price-lstm/{name}.onnx', [{'window': w[None]} for w in x], y, None


def without_constant_inputs(path):
    model = onnx.load(path)
    constants = {t.name for t in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    path = f'{peer.OUT}/clean.onnx'
    onnx.save(model, path)
    return path


def score(name, outputs, y):
    if name.startswith('price-lstm'):
        return float(np.mean([(o[0].reshape(-1) - t) ** 2 for o, t in zip(outputs, y)]))
    return peer.score(name, outputs, y)


name = {'mobilenet-kept': 'mobilenet', 'ultraface-full': 'ultraface'}.get(case, case)
os.makedirs(peer.OUT, exist_ok=True)
if name.startswith('price-lstm'):
    path, x, y, calibration = price_lstm(name)
else:
    path, x, y, calibration = getattr(peer, name)()
    path = f'{peer.DATA}/{path}'
shipped = path
if case == 'ultraface-full':
    shipped = path.replace('_simplified', '')
    path = without_constant_inputs(shipped)

out = f'{peer.OUT}/{case}.onnx'
with contextlib.redirect_stdout(io.StringIO()):
    source = peer.prepared(case, path)
    if calibration is None or name == 'chargpt':
        quantize_dynamic(source, out, per_channel=True, op_types_to_quantize=DYNAMIC)
    else:
        kept = [n.name for n in onnx.load(source).graph.node if 'conv_dw_3' in n.name]
        quantize_static(
            source,
            out,
            Reader(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=name != 'mnist',
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=kept if case == 'mobilenet-kept' else [],
        )

exact = peer.session(path)
exact_outputs = [exact.run(None, feed) for feed in x]
quantized = peer.session(out)
outputs = [quantized.run(None, feed) for feed in x]
labelled = y is not None and name != 'chargpt' and not name.startswith('price-lstm')
(input_name, value), = x[0].items()
value.tofile(f'{peer.OUT}/{case}.feed')
print(json.dumps({
    'version': onnxruntime.__version__,
    'fp32': score(name, exact_outputs, y),
    'int8': score(name, outputs, y),
    'same': float(np.mean([a[0].argmax() == b[0].argmax() for a, b in zip(exact_outputs, outputs)])) if labelled else None,
    'sqnr': dict(zip([o.name for o in quantized.get_outputs()], map(float, peer.sqnr(exact_outputs, outputs)))),
    'bytes': os.path.getsize(out),
    'model': shipped,
    'quantized': out,
    'feed': {'name': input_name, 'type': str(value.dtype), 'dims': list(value.shape), 'file': f'{peer.OUT}/{case}.feed'},
}))
