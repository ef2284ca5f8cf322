/** What must hold at every moment, and when everything has come to rest. */
import { provisionStates } from '#domain/provision-states.ts';
import { transitionTable, verbs } from '#engine/operations/registry.ts';
import type { Room } from './room.ts';

type NodeRow = {
  uuid: string;
  name: string;
  provision_state: string;
  instance_uuid: string | null;
  operation_id: string | null;
  must_clean: number;
  last_error: string | null;
};

type Transition = { node: string; former: string; later: string };

/** The database itself records each change of a state, unless its transaction is rolled back. */
export function watchDatabase(room: Room): void {
  room.world.database.raw.exec(`
    CREATE TABLE seen_transitions (node TEXT, former TEXT, later TEXT);
    CREATE TRIGGER see_transition AFTER UPDATE OF provision_state ON nodes WHEN old.provision_state != new.provision_state
      BEGIN INSERT INTO seen_transitions VALUES (new.name, old.provision_state, new.provision_state); END`);
}

/** States that an operation leads through: a node at rest is in none of them. */
const working = new Set(
  transitionTable.filter(({ event }) => ['wait', 'resume', 'fail'].includes(event)).map(({ from }) => from as string),
);

const allowed = new Set([
  ...transitionTable.flatMap(({ from, to }) => {
    // A wait state has the transitions of its working state.
    const waits = transitionTable.filter((row) => row.event === 'resume' && row.to === from).map((row) => row.from);
    return [from, ...waits].map((each) => `${each} > ${to}`);
  }),
  ...verbs.flatMap(({ from, to }) => from.map((state) => `${state} > ${to}`)),
]);

/** At every moment. */
export function checkNow(room: Room): void {
  const { world } = room;
  const { database } = world;
  const seen = database.read<Transition>('SELECT * FROM seen_transitions');
  for (const { node, former, later } of seen) {
    world.note(`    ${node}: ${former} -> ${later}`);
    if (!allowed.has(`${former} > ${later}`)) world.violate(`transition of ${node} from ${former} to ${later}`);
  }
  if (seen.length > 0) database.raw.exec('DELETE FROM seen_transitions');
  const shared =
    "SELECT node_uuid FROM operations WHERE state IN ('running', 'rolling_back') GROUP BY node_uuid HAVING count(*) > 1";
  if (database.read(shared).length > 0) world.violate('two operations on one node');
  for (const node of nodesOf(room)) checkDisk(room, node);
}

const columns = 'uuid, name, provision_state, instance_uuid, operation_id, must_clean, last_error';

function nodesOf({ world }: Room): NodeRow[] {
  return world.database.read<NodeRow>(`SELECT ${columns} FROM nodes ORDER BY id`);
}

/** The disk of a node holds the data of its own tenant, or is known to need cleaning. */
function checkDisk(room: Room, node: NodeRow): void {
  const { mark } = room.world.machineOf(node.uuid)?.disk ?? {};
  if (mark === undefined) return;
  const { name, provision_state, must_clean, instance_uuid } = node;
  if (!must_clean) room.world.violate(`the disk of ${name} (${provision_state}) has a tenant's data, but need not be cleaned`);
  if (provision_state === 'available') room.world.violate(`${name} is available with a tenant's data`);
  if (provision_state === 'active' && instance_uuid !== null) checkTenant(room, node, mark);
}

function checkTenant({ world }: Room, { name, uuid, instance_uuid }: NodeRow, mark: string): void {
  const sql = 'SELECT server_id, request FROM operations WHERE id = ?';
  const [operation] = world.database.read<{ server_id: string | null; request: string }>(sql, mark);
  const { server_id, request } = operation ?? {};
  const { instance } = JSON.parse(request ?? '{}') as { instance?: { id: string } };
  const owner = server_id ?? instance?.id;
  if (owner !== instance_uuid && owner !== uuid)
    world.violate(`${name} is active for ${instance_uuid} with the data of ${owner} on its disk`);
}

/** When everything has come to rest. */
export function checkAtRest(room: Room): void {
  const { world } = room;
  for (const text of world.pending) world.violate(`never answered: ${text}`);
  for (const { purpose } of room.unended()) world.violate(`has not ended: ${purpose}`);
  for (const node of nodesOf(room)) checkNode(room, node);
  const none: readonly (readonly [string, string])[] = [
    ['node_reservations', 'SELECT purpose AS text FROM node_reservations'],
    ['task states', "SELECT name || ' ' || task_state AS text FROM servers WHERE task_state IS NOT NULL"],
    [
      'ports of gone servers',
      `SELECT ports.id AS text FROM ports LEFT JOIN servers ON servers.id = ports.device_id AND servers.vm_state != 'deleted'
        WHERE ports.device_id != '' AND servers.id IS NULL AND ports.device_id NOT IN (SELECT uuid FROM nodes)
        AND ports.id NOT IN (SELECT vif_port_id FROM node_ports WHERE vif_port_id IS NOT NULL)`,
    ],
    [
      'NICs with gone ports',
      'SELECT address AS text FROM node_ports WHERE vif_port_id IS NOT NULL AND vif_port_id NOT IN (SELECT id FROM ports)',
    ],
    [
      'allocations of nodes that do not know them',
      `SELECT allocations.uuid AS text FROM allocations LEFT JOIN nodes ON nodes.allocation_uuid = allocations.uuid
        WHERE allocations.state = 'active' AND nodes.uuid IS NULL`,
    ],
    [
      'ports with addresses that another machine may still use',
      `SELECT held.ip_address AS text FROM held_addresses AS held JOIN ip_allocations ON ip_allocations.ip_address = held.ip_address
        JOIN node_ports ON node_ports.vif_port_id = ip_allocations.port_id WHERE node_ports.node_uuid != held.node_uuid`,
    ],
    ['defects', 'SELECT kind || \': \' || fault AS text FROM operations WHERE fault LIKE \'%"code":"internal"%\''],
    [
      'nodes of gone servers',
      `SELECT nodes.name AS text FROM nodes JOIN servers ON servers.id = nodes.instance_uuid WHERE servers.vm_state = 'deleted'`,
    ],
    [
      'servers on nodes of others',
      `SELECT servers.name AS text FROM servers JOIN nodes ON nodes.uuid = servers.node_uuid
        WHERE servers.vm_state != 'deleted' AND (nodes.instance_uuid IS NULL OR nodes.instance_uuid != servers.id)`,
    ],
  ];
  for (const [what, sql] of none)
    for (const { text } of world.database.read<{ text: string }>(sql)) world.violate(`${what}: ${text}`);
}

function checkNode({ world }: Room, node: NodeRow): void {
  const { name, uuid, provision_state, operation_id, last_error } = node;
  if (working.has(provision_state)) world.violate(`${name} rests in state ${provision_state}`);
  if (operation_id !== null) world.violate(`${name} is still reserved by ${operation_id}`);
  const { isFailed } = provisionStates[provision_state as keyof typeof provisionStates] as { isFailed?: true };
  if (isFailed && !last_error) world.violate(`${name} is in state ${provision_state} without last_error`);
  const plan = world.plans.get(uuid);
  if (plan?.ipxe_script?.includes('ingot.token=')) world.violate(`${name} at rest would boot a ramdisk with a token`);
}
