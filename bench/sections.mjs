// Sections of the bench besides the models of bench/cases.mjs, in the order of the report.
// `measure` gives paragraphs and tables in Markdown; it loads what it needs when it is asked for.

export const sections = [
  {
    name: 'speed',
    title: 'Waiting and memory',
    measure: async (bench) => (await import('./speed.mjs')).speed(bench),
  },
  {
    name: 'cancel',
    title: 'Cancel',
    measure: async (bench) => (await import('./cancel.mjs')).cancel(bench),
  },
  {
    name: 'calibration',
    title: 'Calibration',
    measure: async (bench) => (await import('./calibration.mjs')).calibration(bench),
  },
  {
    name: 'sensitivity',
    title: 'Every layer alone',
    measure: async (bench) => (await import('./sensitivity.mjs')).sensitivity(bench),
  },
  {
    name: 'predictions',
    title: 'What is expected, and what is measured',
    measure: async (bench) => (await import('./predictions.mjs')).predictions(bench),
  },
  {
    name: 'grid',
    title: "The best of the peer's grid",
    measure: async (bench) => (await import('./grid.mjs')).grid(bench),
  },
  {
    name: 'plans',
    title: 'Plans of mixed precision against greedy lists',
    measure: async (bench) => (await import('./plans.mjs')).plans(bench),
  },
  {
    name: 'recurrent',
    title: 'LSTM and GRU',
    measure: async (bench) => (await import('./recurrent.mjs')).recurrent(bench),
  },
  {
    name: 'architectures',
    title: 'Networks of full size',
    measure: async (bench) => (await import('./architectures.mjs')).architectures(bench),
  },
  {
    name: 'corpus',
    title: 'Every model',
    measure: async (bench) => (await import('./corpus.mjs')).corpus(bench),
  },
];
