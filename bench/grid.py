"""The whole grid of onnxruntime.quantization on one model of BASELINES/ort_peer.py; prints one JSON line.

    OUT=FOLDER python3 grid.py BASELINES NAME

Every recipe's file stays in FOLDER/NAME; beside them the same data as a recipe of ours, and one sample.
"""
import contextlib
import io
import json
import os
import sys

baselines, name = sys.argv[1:]
sys.path.insert(0, baselines)
import ort_peer as peer  # noqa: E402

lines = io.StringIO()
with contextlib.redirect_stdout(lines):
    peer.grid(name)
    peer.export(name)
rows = [json.loads(line) for line in lines.getvalue().splitlines() if line.startswith('{')]
folder = f'{peer.OUT}/{name}'
(input_name, value), = getattr(peer, name)()[1][0].items()
value.tofile(f'{folder}/sample.feed')
print(json.dumps({
    'recipes': [{**row, 'file': f"{folder}/{row['recipe']}.onnx"} for row in rows if row.get('sqnr_db')],
    'recipe': f'{folder}/{name}.quant.yaml',
    'feed': {'name': input_name, 'type': str(value.dtype), 'dims': list(value.shape), 'file': f'{folder}/sample.feed'},
}))
