/**
 * Whether a node is cleaned before it becomes available: as its `automated_clean` says, otherwise as the setting does.
 * Only an operator can say that a node with data on its disks is not cleaned; that is recorded at each time.
 */
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { EngineSettings } from '../settings.ts';

type Choice = Pick<Node, 'automated_clean'>;

/** The operator has switched automated cleaning off. */
export function isNeverCleaned({ automated_clean }: Choice, settings: Pick<EngineSettings, 'clean.automated'>): boolean {
  return automated_clean === null ? !settings['clean.automated'] : !automated_clean;
}

/** Whether the verb `provide` cleans. */
export function isCleanedFirst(node: Choice & Pick<Node, 'must_clean'>, settings: EngineSettings): boolean {
  if (isNeverCleaned(node, settings)) return false;
  return node.automated_clean === true || settings['clean.on_provide'] || node.must_clean;
}

export function noteUncleaned(store: Store, { uuid, automated_clean }: Choice & Pick<Node, 'uuid'>): void {
  const by = automated_clean === false ? 'its automated_clean' : 'the setting clean.automated';
  store.events.append({
    kind: 'note',
    node_uuid: uuid,
    subject: 'not cleaned',
    message: `automated cleaning is disabled by ${by}: the disks keep the data of the former instance`,
  });
}
