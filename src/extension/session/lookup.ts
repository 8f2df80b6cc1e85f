import {
  basename,
  dirname,
  extname,
  isAbsolute,
  join,
  posix,
  relative,
  resolve,
  sep,
} from 'node:path';

const recipeName = /\.quant\.ya?ml$/i;

/** Whether a path is a recipe's. */
export function isRecipePath(path: string): boolean {
  return recipeName.test(path);
}

/** Whether a path is a model's. */
export function isModelPath(path: string): boolean {
  return extname(path).toLowerCase() === '.onnx';
}

/** A recipe in the folder of a model, and what its `model:` says. */
export interface RecipeCandidate {
  path: string;
  /** As written, or null if it has none. */
  model: string | null;
}

/** The recipe that a model has or, until it is written, would have: `<stem>.quant.yaml` beside it. */
export function defaultRecipePath(modelPath: string): string {
  return join(dirname(modelPath), `${basename(modelPath, extname(modelPath))}.quant.yaml`);
}

/**
 * The recipe of a model: `<stem>.quant.yaml` beside it, else the first one (by name) in the same folder
 * whose `model:` names it, else null.
 */
export function findRecipe(
  modelPath: string,
  candidates: readonly RecipeCandidate[],
): string | null {
  const own = defaultRecipePath(modelPath);
  const stem = own.slice(0, -'.yaml'.length);
  const direct = candidates.find(({ path }) => path === own || path === `${stem}.yml`);
  if (direct) return direct.path;
  const naming = candidates
    .filter(({ path, model }) => model !== null && resolve(dirname(path), model) === modelPath)
    .map(({ path }) => path)
    .sort();
  return naming[0] ?? null;
}

/** Absolute path of what a recipe names. */
export function besideRecipe(recipePath: string, named: string): string {
  return isAbsolute(named) ? named : resolve(dirname(recipePath), named);
}

/** How a recipe should name a file: relative to itself, with slashes. */
export function asNamedInRecipe(recipePath: string, path: string): string {
  const way = relative(dirname(recipePath), path);
  return isAbsolute(way) ? way : way.split(sep).join(posix.sep);
}

/** The value of the top-level key `model` of a recipe's text; good enough for a lookup in many files. */
export function modelNamedIn(text: string): string | null {
  const match =
    /^model[ \t]*:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#][^\n]*?))[ \t]*(?:[ \t]#.*)?\r?$/m.exec(
      text,
    );
  return (match?.[1] ?? match?.[2] ?? match?.[3] ?? '') || null;
}

/** An entry of the model's folder that may hold calibration data. */
export interface FolderEntry {
  name: string;
  folder: boolean;
}

/**
 * Calibration data that lies beside a model, likeliest first: names that say so before others, arrays and
 * folders of images or of ONNX test sets. Evaluation data and labels are not offered.
 */
export function dataCandidates(entries: readonly FolderEntry[]): string[] {
  const rank = ({ name, folder }: FolderEntry): number => {
    const low = name.toLowerCase();
    if (name.startsWith('.') || low === 'node_modules') return 0;
    if (/label|eval|valid|^test(?!_data_set)/.test(low)) return 0;
    const data = folder || /\.(npy|npz)$/.test(low);
    if (!data) return 0;
    if (/^calib/.test(low)) return 4;
    if (/calib/.test(low)) return 3;
    if (folder && /^(test_data_set|images?$|data$|train)/.test(low)) return 2;
    return folder ? 0 : 1;
  };
  return entries
    .map((entry) => ({ entry, points: rank(entry) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points || (a.entry.name < b.entry.name ? -1 : 1))
    .map(({ entry }) => (entry.folder ? `${entry.name}/` : entry.name));
}
