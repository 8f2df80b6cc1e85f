#!/usr/bin/env python3
"""Simulates market bars, trains two LSTM price models on them and writes every file of this sample.

    pip install torch==2.13.0 onnx numpy onnxruntime
    python make.py

Fixed seeds and one thread: on one machine two runs write the same bytes. About a minute.
"""
import os

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
WINDOW = 100
TRAIN, CALIBRATION, EVALUATION = 300000, 96, 1200  # bars, windows, windows
FEATURES = ('return', 'return_5', 'return_20', 'volatility', 'volume', 'spread',
            'imbalance', 'range', 'session_sin', 'session_cos')

# Per regime: how the last return carries over, level of volatility, of volume, of the spread.
REGIMES = {'trend': (0.45, 0.8, 0.5, -0.3), 'revert': (-0.45, 0.9, -0.3, 0.0), 'panic': (0.0, 1.9, 0.8, 1.0)}


# ---------------------------------------------------------------- data


def simulate(n, rng):
    """Returns features [n, 10] of n bars and the next bar's return in units of the volatility known then.

    A Markov chain switches between three regimes that last about 80 bars. Innovations are Student-t
    with five degrees of freedom, volatility clusters (GARCH(1,1)), and order imbalance leads by one bar.
    """
    kinds = np.array(list(REGIMES.values()))
    regime, variance, last, imbalance = 0, 1.0, 0.0, 0.0
    state, returns, pressure = np.empty(n, int), np.empty(n), np.empty(n)
    shocks = rng.standard_t(5, n) / np.sqrt(5 / 3)
    for t in range(n):
        if rng.random() < 1 / 80:
            regime = (regime + rng.integers(1, 3)) % 3
        carry, level = kinds[regime, :2]
        sigma = level * np.sqrt(variance)
        shock = sigma * shocks[t]
        returns[t] = carry * last + 0.3 * sigma * imbalance + shock
        variance = 0.08 + 0.07 * min((shock / level) ** 2, 25) + 0.85 * variance
        last, imbalance = returns[t], 0.5 * imbalance + rng.normal(0, 0.8)
        state[t], pressure[t] = regime, imbalance

    def average(values, bars):
        out, kept = np.empty(n), values[0]
        for t in range(n):
            kept += (values[t] - kept) / bars
            out[t] = kept
        return out

    known = np.sqrt(average(returns ** 2, 20)) + 0.1
    total = np.concatenate([np.zeros(20), np.cumsum(returns)])
    at = np.arange(20, n + 20)
    angle = 2 * np.pi * np.arange(n) / 78
    features = np.stack([
        returns / known,
        (total[at] - total[at - 5]) / (known * 5 ** 0.5),
        (total[at] - total[at - 20]) / (known * 20 ** 0.5),
        np.log(known),
        kinds[state, 2] + 0.2 * np.cos(2 * angle) + rng.normal(0, 0.6, n),
        kinds[state, 3] + 0.4 * np.log(known) + rng.normal(0, 0.6, n),
        pressure,
        np.log1p(np.abs(returns) / known + rng.exponential(0.4, n)),
        np.sin(angle), np.cos(angle)], 1)
    target = np.roll(returns, -1) / known
    return (np.round(features.clip(-8, 8) * 64) / 64).astype(np.float32), target.clip(-8, 8).astype(np.float32)


def windows(features, last_bars):
    """The 100 bars that end with each of `last_bars`: float32 [n, 100, 10]."""
    return np.stack([features[t - WINDOW + 1:t + 1] for t in last_bars])


# ---------------------------------------------------------------- model


class PriceLstm(nn.Module):
    """One LSTM layer and a linear head that reads its last step."""

    def __init__(self, hidden):
        super().__init__()
        self.lstm = nn.LSTM(len(FEATURES), hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, window):
        steps, _ = self.lstm(window)
        return self.head(steps[:, -1])

    def every_step(self, window):
        """A forecast after each bar, which is what training uses."""
        return self.head(self.lstm(window)[0])[..., 0]


def train(model, features, target, epochs, rate):
    """Fits the forecast after each of the last 80 bars of random windows with Adam."""
    features, target = torch.from_numpy(features), torch.from_numpy(target)
    span = torch.arange(WINDOW)
    steps = len(features) // 40 // 32
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs * steps)
    for epoch in range(epochs):
        total = 0.0
        for _ in range(steps):
            bars = torch.randint(len(features) - WINDOW, (32, 1)) + span
            error = model.every_step(features[bars])[:, 20:] - target[bars][:, 20:]
            loss = nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=2.0)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() / steps
        if epoch % 2:
            print(f'epoch {epoch + 1:2d}  loss {total:.4f}', flush=True)
    model.eval()


# ---------------------------------------------------------------- files


def export(model, path):
    """Writes the model with a free batch axis; the runtime must accept one window and eight."""
    torch.onnx.export(
        model, (torch.zeros(2, WINDOW, len(FEATURES)),), path, dynamo=False, opset_version=17,
        input_names=['window'], output_names=['forecast'],
        dynamic_axes={'window': {0: 'N'}, 'forecast': {0: 'N'}})
    onnx.checker.check_model(path, full_check=True)


def report(path, x, y):
    """Prints how well the file forecasts, beside what no model at all would do."""
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    for n in (1, 8):
        assert session.run(None, {'window': x[:n]})[0].shape == (n, 1)
    forecast = session.run(None, {'window': x})[0]
    hit = np.mean((forecast > 0) == (y > 0))
    print(f'{os.path.basename(path)}: mse {np.mean((forecast - y) ** 2):.4f}, constant answer {y.var():.4f}, '
          f'direction {hit:.4f}, always the same {max(np.mean(y > 0), np.mean(y <= 0)):.4f}, {len(y)} windows')


def main():
    """Simulates one history, trains on its beginning, keeps later bars for calibration and evaluation."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    gap = WINDOW
    first_calibration = TRAIN + gap + WINDOW
    calibration_bars = np.arange(CALIBRATION) * 25 + first_calibration
    first_evaluation = calibration_bars[-1] + gap + WINDOW
    evaluation_bars = np.arange(EVALUATION) + first_evaluation
    features, target = simulate(int(evaluation_bars[-1]) + 2, np.random.default_rng(2024))
    x, y = windows(features, evaluation_bars), target[evaluation_bars][:, None]

    np.savez_compressed(os.path.join(HERE, 'calibration.npz'), window=windows(features, calibration_bars))
    np.savez_compressed(os.path.join(HERE, 'evaluation.npz'), window=x)
    np.save(os.path.join(HERE, 'labels.npy'), y)
    for name, hidden, epochs, rate in (('price-lstm', 32, 14, 1e-2), ('price-lstm-128', 128, 8, 5e-3)):
        torch.manual_seed(7)
        model = PriceLstm(hidden)
        train(model, features[:TRAIN], target[:TRAIN], epochs, rate)
        path = os.path.join(HERE, f'{name}.onnx')
        export(model, path)
        report(path, x, y)


if __name__ == '__main__':
    main()
