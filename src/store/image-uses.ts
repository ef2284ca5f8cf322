/**
 * Finds references to an image. Rows of nodes and images are large and encrypted, so they are read in batches, with
 * yields to other requests.
 */
import { setImmediate } from 'node:timers/promises';
import type { Json } from '#domain/json.ts';
import type { Store } from './store.ts';
import type { Image } from './tables/images.ts';
import type { Node } from './tables/nodes.ts';
import type { Server } from './tables/servers.ts';

export type ImageUse = {
  readonly kind: 'setting' | 'flavor' | 'node' | 'image' | 'server';
  readonly name: string;
  /** Owner of the reference; null: the operator. */
  readonly project_id: string | null;
  /** A running operation uses it. */
  readonly isRunning?: boolean;
};

/** @param settings the settings that name images, by setting name */
export async function listImageUses(store: Store, id: string, settings: Readonly<Record<string, string>>): Promise<ImageUse[]> {
  const named = Object.entries(settings).filter(([, value]) => value.toLowerCase() === id);
  return [
    ...named.map(([name]): ImageUse => ({ kind: 'setting', name, project_id: null })),
    ...(await flavorUses(store, id)),
    ...(await serverUses(store, id)),
    ...(await operationUses(store, id)),
    ...(await nodeUses(store, id)),
    ...(await imageUses(store, id)),
  ];
}

async function flavorUses({ flavors }: Store, id: string): Promise<ImageUse[]> {
  const rows = await flavors.listOfImage(id);
  return rows.map(({ name }) => ({ kind: 'flavor', name, project_id: null }));
}

/** A server keeps a copy of its flavor, including the deploy kernel used to clean up after it. */
async function serverUses({ servers }: Store, id: string): Promise<ImageUse[]> {
  const rows = await servers.listOfImage(id);
  return rows.map((row) => ({ kind: 'server', name: row.id, project_id: row.project_id, isRunning: isBeingInstalled(row) }));
}

function isBeingInstalled({ vm_state, task_state }: Pick<Server, 'vm_state' | 'task_state'>): boolean {
  return vm_state === 'building' || task_state === 'rebuilding';
}

/** Images pinned when the operation began, including the kernel and ramdisk of a partition image. */
async function operationUses({ operations, servers }: Store, id: string): Promise<ImageUse[]> {
  const running = await operations.list({ state: ['running', 'rolling_back'] });
  const using = running.filter(({ request }) => names(request['images'] ?? null, id));
  const ids = using.flatMap(({ server_id }) => server_id ?? []);
  const found = ids.length > 0 ? await servers.pick(['id', 'project_id'], { id: ids }) : [];
  const instances = using.filter(({ server_id }) => server_id === null);
  return [
    ...found.map(({ id, project_id }): ImageUse => ({ kind: 'server', name: id, project_id, isRunning: true })),
    ...instances.map(({ node_uuid }): ImageUse => ({ kind: 'node', name: node_uuid, project_id: null, isRunning: true })),
  ];
}

const nodesAtOnce = 200;
const referenceColumns = ['id', 'uuid', 'name', 'driver_info', 'instance_info'] as const;
type NodeReferences = Pick<Node, (typeof referenceColumns)[number]>;

async function nodeUses({ nodes }: Store, id: string): Promise<ImageUse[]> {
  const uses: ImageUse[] = [];
  const order = [{ column: 'id' }];
  let after: NodeReferences | undefined;
  for (;;) {
    const rows: NodeReferences[] = await nodes.pick(referenceColumns, {}, { order, after, limit: nodesAtOnce });
    for (const { uuid, name, driver_info, instance_info } of rows) {
      if (names(driver_info, id) || names(instance_info, id)) uses.push({ kind: 'node', name: name ?? uuid, project_id: null });
    }
    after = rows.at(-1);
    if (!after) return uses;
    await setImmediate();
  }
}

const partProperties = ['kernel_id', 'ramdisk_id'] as const;

async function imageUses(store: Store, id: string): Promise<ImageUse[]> {
  const uses: ImageUse[] = [];
  const ids = (await store.images.listShort()).map((image) => image.id);
  for await (const image of store.images.read(ids)) {
    if (partProperties.some((name) => namesPart(image, name, id)))
      uses.push({ kind: 'image', name: image.id, project_id: image.owner });
  }
  return uses;
}

function namesPart({ properties }: Image, name: (typeof partProperties)[number], id: string): boolean {
  return properties[name]?.toLowerCase() === id;
}

/** Matches the id itself, or a URL that ends in it (Ironic's `glance://…`). */
function names(value: Json, id: string): boolean {
  if (typeof value === 'string') return value.toLowerCase().endsWith(id);
  return value !== null && typeof value === 'object' && Object.values(value).some((inner) => names(inner, id));
}
