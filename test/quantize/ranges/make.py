"""Calibration tables of onnxruntime.quantization itself (pip install onnxruntime==1.30.0 flatbuffers): python3 make.py"""
import os

import numpy as np
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData, save_tensors_data
from onnxruntime.quantization.quant_utils import write_calibration_table

here = os.path.dirname(os.path.abspath(__file__))
f = lambda x: np.array(x, dtype=np.float32)
ranges = {'input': (-1.5, 2.25), '/conv1/Relu_output_0': (0.0, 6.5), 'ünïcode name': (-0.1, 0.05), 'neg': (-7.0, -0.5)}
table = {name: TensorData(lowest=f(low), highest=f(high)) for name, (low, high) in ranges.items()}
save_tensors_data(TensorsData(CalibrationMethod.MinMax, dict(table)), f'{here}/tensors_data.json')
write_calibration_table(table, here)  # calibration.json, calibration.flatbuffers, calibration.cache
