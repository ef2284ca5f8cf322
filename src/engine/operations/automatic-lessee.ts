/**
 * Ironic's `[conductor]automatic_lessee_source`: a deployment gives the node to a project, and the end of its instance
 * takes it back. Both are written with the change of the provision state.
 */
import type { Node } from '#store/tables/nodes.ts';
import type { EngineSettings } from '../settings.ts';

/** The projects that may become the lessee. */
type Projects = {
  /** The one whose instance it is. */
  readonly instance: unknown;
  /** That of the request's token; empty: none. */
  readonly request: string;
};

const longest = 255;

/** What a deployment adds to the node's row. A node with a lessee keeps it. */
export function leased(
  { lessee }: Pick<Node, 'lessee'>,
  settings: Pick<EngineSettings, 'deploy.automatic_lessee'>,
  projects: Projects,
): Partial<Pick<Node, 'lessee' | 'automatic_lessee'>> {
  const source = settings['deploy.automatic_lessee'];
  const project = source === 'none' ? undefined : projects[source];
  if (lessee !== null || typeof project !== 'string' || project === '' || project.length > longest) return {};
  return { lessee: project, automatic_lessee: project };
}

/** What the end of the instance adds. A lessee that somebody has set since stays. */
export function unleased({
  lessee,
  automatic_lessee,
}: Pick<Node, 'lessee' | 'automatic_lessee'>): Partial<Pick<Node, 'lessee' | 'automatic_lessee'>> {
  if (automatic_lessee === null) return {};
  return { automatic_lessee: null, ...(lessee === automatic_lessee && { lessee: null }) };
}
