/** What measuring the sensitivity of layers says. */
export const enSensitivity = {
  'measure.sqnr': 'output SQNR',
  'measure.cosine': 'cosine',
  'measure.kl': 'KL divergence',
  'measure.same-label': 'same label',
  'stageName.analytic': 'analytic',
  'stageName.two-pass': 'two passes',
  'stageName.exact': 'exact',
  'stageName.all-but-this': 'all but this',
  'stageName.metric': 'metric',
  'sensitivity.by': 'Sensitivity by {measure}',
  'sensitivity.layers': '{stage} {measured} of {n|1 layer|{n} layers} ({time})',
  'sensitivity.evaluations': '{stage} {measured} of {n|1 evaluation|{n} evaluations} ({time})',
  'sensitivity.notBegun': '{stage}: not begun',
  'sensitivity.cut': '{stage}, stopped',
  'sensitivity.halfWay':
    'Two passes tell of no layer before both have seen every sample, so none of their estimates is here.',
  'sensitivity.shares': 'shares of the noise: {stage}',
  'sensitivity.whole': 'all quantized: {db} dB',
  'sensitivity.stopped':
    'The time was over before all was measured: this is the best so far, and what was measured is kept.',
  'sensitivity.goOn': 'Go On…',
  'panel.shareAbout': 'It makes about {percent} % of the noise there (estimate: {stage}).',
  'do.keepShareAbout': 'It makes about {percent} % of the noise at the output (estimate: {stage}).',
  'col.onlyWeights': 'Weights, dB',
  'col.onlyInputs': 'Inputs, dB',
  'col.allButThis': 'All but, dB',
  'col.kl': 'KL, nats',
  'col.lacksCosine': '1 − cosine',
  'col.sameLabel': 'Same label, %',
  'col.metricOnly': 'Metric, only this',
  'col.metricBut': 'Metric, all but',
  'col.metricBuys': 'Keeping buys',
  'tip.onlyWeights': 'SQNR at the model’s output when only this layer’s weights are quantized',
  'tip.onlyInputs': 'SQNR at the model’s output when only this layer’s inputs are quantized',
  'tip.allButThis': 'Output SQNR of the quantized model with just this layer in FP32',
  'tip.kl':
    'Divergence of the first output’s probabilities from FP32’s when only this layer is quantized',
  'tip.lacksCosine':
    'What is missing to 1 in the cosine of the outputs with FP32’s when only this layer is quantized',
  'tip.sameLabel':
    'Samples whose largest score stays where it is when only this layer is quantized',
  'tip.metricOnly':
    'The recipe’s metric with only this layer quantized, and the 95 % interval of its difference to FP32’s; sorted by what it lost',
  'tip.metricBut':
    'The recipe’s metric with just this layer in FP32, and the 95 % interval of its difference to FP32’s; sorted by what it lost',
  'tip.metricBuys':
    'What the recipe’s metric gains with just this layer in FP32, sample by sample against the whole quantized model, and its 95 % interval; ? where n is too small to tell',
};
