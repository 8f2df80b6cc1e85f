import type { FixedProgram } from '../program';

/** Steps that run without the host in between. */
export interface Section {
  /** Indices of its steps. */
  steps: number[];
  /** Tensors that have to be filled before it. */
  fills: string[];
  /** Results that the outside may read after it. */
  gives: string[];
}

/**
 * Cuts a program where codes come back from the host. Steps are in graph order, so all that the host reads for a tensor was
 * made before the first step that reads the tensor. A program without float nodes in its middle is one section.
 */
export function sectionsOf({ steps, inputs, outputs, host }: FixedProgram): Section[] {
  const given = new Set(inputs);
  const behindHost = new Set(host.flatMap((node) => node.outputs));
  const filled = new Set<string>();
  const sections: Section[] = [{ steps: [], fills: [], gives: [] }];
  steps.forEach((step, i) => {
    const fresh = step.inputs.filter((name) => given.has(name) && !filled.has(name));
    const last = sections.at(-1)!;
    const cut = fresh.length > 0 && last.steps.length > 0 && behindHost.size > 0;
    const section = cut ? { steps: [], fills: [], gives: [] } : last;
    if (cut) sections.push(section);
    for (const name of new Set(fresh)) {
      filled.add(name);
      section.fills.push(name);
    }
    section.steps.push(i);
    if (outputs.includes(step.output)) section.gives.push(step.output);
  });
  return sections;
}
