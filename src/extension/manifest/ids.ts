/** Names that the manifest, the code and the tests share. */
export const ids = {
  editor: 'vernier.inspector',
  language: 'vernier-recipe',
  notebookType: 'jupyter-notebook',
  kernel: 'vernier-kernel',
  renderer: 'vernier-plotly',
  walkthrough: 'vernier.start',
  inspectTool: 'vernier_inspect',
  quantizeTool: 'vernier_quantize',
} as const;

/** Diagnostics of ours carry this source. */
export const diagnosticSource = 'vernier';
