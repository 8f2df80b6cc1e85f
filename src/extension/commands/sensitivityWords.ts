import * as vscode from 'vscode';
import type { SensitivityStage } from '../../results';
import type { SensitivityMeasure } from '../../results-sensitivity';

interface Words {
  label: string;
  detail: string;
}

/** How the stages are called and what each is read from, the cheapest first. */
export function sensitivityStages(): Record<SensitivityStage, Words> {
  return {
    analytic: {
      label: vscode.l10n.t('Analytic'),
      detail: vscode.l10n.t(
        'From ranges, weights and graph, without a run: it orders layers, its decibels are rough',
      ),
    },
    'two-pass': {
      label: vscode.l10n.t('Two passes'),
      detail: vscode.l10n.t(
        'From the noise that each layer makes and the noise that comes together: a few dB from exact',
      ),
    },
    exact: {
      label: vscode.l10n.t('Exact'),
      detail: vscode.l10n.t('By running the model with each layer alone quantized'),
    },
  };
}

/** How the measures are called and what each is. */
export function sensitivityMeasures(): Record<SensitivityMeasure, Words> {
  return {
    sqnr: {
      label: 'SQNR',
      detail: vscode.l10n.t('Signal over noise at the outputs, in dB'),
    },
    kl: {
      label: vscode.l10n.t('KL divergence'),
      detail: vscode.l10n.t('Of the first output’s probabilities from FP32’s, in nats'),
    },
    cosine: {
      label: vscode.l10n.t('Cosine'),
      detail: vscode.l10n.t('Of the angle between the outputs and FP32’s'),
    },
    'same-label': {
      label: vscode.l10n.t('Same label'),
      detail: vscode.l10n.t('Share of the samples whose largest score stays where it is'),
    },
    metric: {
      label: vscode.l10n.t('Metric of the recipe'),
      detail: vscode.l10n.t(
        'Over the whole evaluation set, for the loudest layers, with intervals: takes longest',
      ),
    },
  };
}
