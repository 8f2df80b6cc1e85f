#!/usr/bin/env python3
"""Simulates factor panels, trains the screening CNN on them and writes every file of this sample.

    pip install torch==2.13.0 onnx numpy onnxruntime
    python make.py

Fixed seeds and one thread: on one machine two runs write the same bytes. About four minutes.
"""
import os

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
FACTORS, BUCKETS, DAYS = 4, 16, 32
CLASSES = ('avoid', 'hold', 'buy')
TRAIN, CALIBRATION, EVALUATION = 16384, 64, 480
EPOCHS, BATCH = 8, 64


# ---------------------------------------------------------------- data


def simulate(n, rng):
    """Returns n panels [n, factor, bucket, day] and the score that decides each panel's class.

    momentum:   a spread between large and small buckets that opens or closes over the days
    value:      a wave of leadership that travels up or down the buckets
    volume:     bursts of crowded trading, each a few buckets wide and a few days long
    volatility: plain noise whose level says whether momentum pays or reverses
    """
    bucket = np.linspace(-1, 1, BUCKETS)[:, None]
    day = np.linspace(0, 1, DAYS)[None, :]
    panels = rng.normal(0, 0.7, (n, FACTORS, BUCKETS, DAYS))
    scores = np.empty(n)
    for i, panel in enumerate(panels):
        spread = rng.normal()
        direction, height = rng.choice([-1, 1]), rng.uniform(0.5, 1.2)
        bursts = rng.poisson(2)
        stress = rng.uniform(0.4, 1.8)

        panel[0] += 1.6 * spread * bucket * (day - 0.3)
        phase = rng.uniform(0, 2 * np.pi)
        panel[1] += height * np.sin(2 * np.pi * (bucket - direction * 3 * day) + phase)
        for _ in range(bursts):
            b, d = rng.uniform(-0.9, 0.9), rng.uniform(0.05, 0.95)
            panel[2] += 2.5 * np.exp(-(((bucket - b) / 0.2) ** 2) - ((day - d) / 0.08) ** 2)
        panel[3] *= stress / 0.7
        pays = np.tanh(3 * (1.1 - stress))
        scores[i] = 1.1 * spread * pays + 0.8 * direction * height - 0.5 * (bursts - 2) + rng.normal(0, 0.2)
    return (np.round(panels.clip(-8, 8) * 4) / 4).astype(np.float32), scores


# ---------------------------------------------------------------- model


class SeparableBlock(nn.Module):
    """A 3x3 depthwise and a 1x1 pointwise convolution, each with BatchNorm and ReLU6."""

    def __init__(self, cin, cout):
        super().__init__()
        self.depthwise = nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(cin)
        self.depthwise_act = nn.ReLU6()
        self.pointwise = nn.Conv2d(cin, cout, 1, bias=False)
        self.pointwise_bn = nn.BatchNorm2d(cout)
        self.pointwise_act = nn.ReLU6()

    def forward(self, x):
        x = self.depthwise_act(self.depthwise_bn(self.depthwise(x)))
        return self.pointwise_act(self.pointwise_bn(self.pointwise(x)))


class InvertedResidual(nn.Module):
    """MobileNetV2's block: expand, depthwise, project, and a residual Add where the shapes allow it."""

    def __init__(self, cin, cout, stride, factor=6):
        super().__init__()
        wide = cin * factor
        self.residual = stride == 1 and cin == cout
        self.expand = nn.Conv2d(cin, wide, 1, bias=False)
        self.expand_bn = nn.BatchNorm2d(wide)
        self.expand_act = nn.ReLU6()
        self.depthwise = nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(wide)
        self.depthwise_act = nn.ReLU6()
        self.project = nn.Conv2d(wide, cout, 1, bias=False)
        self.project_bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        y = self.expand_act(self.expand_bn(self.expand(x)))
        y = self.depthwise_act(self.depthwise_bn(self.depthwise(y)))
        y = self.project_bn(self.project(y))
        return x + y if self.residual else y


class Features(nn.Module):
    """Thirteen convolutions from a panel to 384 feature maps of 4 x 4."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(FACTORS, 16, 3, (1, 2), 1, bias=False)
        self.stem_bn = nn.BatchNorm2d(16)
        self.stem_act = nn.ReLU6()
        self.block1 = SeparableBlock(16, 24)
        self.block2 = InvertedResidual(24, 40, 2)
        self.block3 = InvertedResidual(40, 40, 1)
        self.block4 = InvertedResidual(40, 96, 2)
        self.last = nn.Conv2d(96, 384, 1, bias=False)
        self.last_bn = nn.BatchNorm2d(384)
        self.last_act = nn.ReLU6()

    def forward(self, x):
        x = self.stem_act(self.stem_bn(self.stem(x)))
        x = self.block4(self.block3(self.block2(self.block1(x))))
        return self.last_act(self.last_bn(self.last(x)))


class FactorCnn(nn.Module):
    """Features, global average pooling and a linear head with one logit a class."""

    def __init__(self):
        super().__init__()
        self.features = Features()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(384, len(CLASSES))

    def forward(self, x):
        return self.classifier(self.flatten(self.pool(self.features(x))))


def train(model, x, y):
    """Fits the model with AdamW and a one-cycle learning rate."""
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, EPOCHS * (len(x) // BATCH))
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    model.train()
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss = loss_of(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f'epoch {epoch + 1:2d}  loss {total / len(x):.4f}', flush=True)
    model.eval()


# ---------------------------------------------------------------- the layer that hurts


@torch.no_grad()
def widen(model, x, powers):
    """Spreads the channel scales of block3's depthwise layer without changing what the network computes.

    1. Take the quietest channels that stay at least a factor of two below ReLU6's upper bound on `x`.
    2. Divide BatchNorm's gamma and beta by a power of two, which such a ReLU6 passes on exactly.
    3. Multiply the projection's weights for that channel by the same power of two.

    Afterwards a few columns of the projection are far larger than the rest, and one INT8 scale for each
    output channel has to cover both.
    """
    block = model.features.block3
    peaks = []
    hook = block.depthwise_bn.register_forward_hook(lambda _m, _i, out: peaks.append(out.amax((0, 2, 3))))
    for batch in torch.from_numpy(x).split(256):
        model(batch)
    hook.remove()
    peak = torch.stack(peaks).amax(0)
    loudness = peak * block.project.weight.abs().amax((0, 2, 3))
    quiet = [c for c in torch.argsort(loudness, stable=True).tolist() if 0.05 < peak[c] < 3]
    for channel, power in zip(quiet, powers):
        block.depthwise_bn.weight[channel] /= 2.0 ** power
        block.depthwise_bn.bias[channel] /= 2.0 ** power
        block.project.weight[:, channel] *= 2.0 ** power
    print(f'rescaled channels {quiet[:len(powers)]} of {len(peak)}')


# ---------------------------------------------------------------- files


def export(model, path):
    """Writes the model with BatchNorm as nodes of its own and a free batch axis."""
    torch.onnx.export(
        model, (torch.zeros(1, FACTORS, BUCKETS, DAYS),), path, dynamo=False, opset_version=17,
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
        input_names=['panel'], output_names=['logits'],
        dynamic_axes={'panel': {0: 'N'}, 'logits': {0: 'N'}})
    onnx.checker.check_model(path, full_check=True)


def main():
    """Simulates, trains, rescales, exports and reports."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(7)
    x, scores = simulate(TRAIN + CALIBRATION + EVALUATION, np.random.default_rng(2024))
    y = np.digitize(scores, np.quantile(scores[:TRAIN], [0.3, 0.7])).astype(np.int64)
    cut = TRAIN + CALIBRATION
    evaluation, labels = x[cut:], y[cut:]

    model = FactorCnn()
    train(model, x[:TRAIN], y[:TRAIN])
    with torch.no_grad():
        trained = model(torch.from_numpy(evaluation)).numpy()
    widen(model, x[:TRAIN], powers=(8, 7, 4, 3, 3, 2, 2, 1, 1, 1))
    with torch.no_grad():
        rescaled = model(torch.from_numpy(evaluation)).numpy()

    path = os.path.join(HERE, 'factor-cnn.onnx')
    export(model, path)
    np.save(os.path.join(HERE, 'calibration.npy'), x[TRAIN:cut])
    np.savez_compressed(os.path.join(HERE, 'evaluation.npz'), panel=evaluation)
    np.save(os.path.join(HERE, 'labels.npy'), labels)

    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    logits = session.run(None, {'panel': evaluation})[0]
    print(f'largest difference that rescaling made: {np.abs(rescaled - trained).max():.2e}, '
          f'that the runtime makes: {np.abs(logits - rescaled).max():.2e}')
    print(f'top1 {np.mean(logits.argmax(1) == labels):.4f}, '
          f'constant answer {np.bincount(labels).max() / len(labels):.4f}, {len(labels)} panels')


if __name__ == '__main__':
    main()
