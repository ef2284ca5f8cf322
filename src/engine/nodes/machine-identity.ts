/**
 * Verifies, before anything is written, that the reporting agent runs on the node's machine. SMBIOS UUID, serial number
 * and MACs are compared with the BMC's report at verification, the agent's last report, and other nodes.
 */
import type { Inventory } from '#agent-protocol/messages.ts';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { isOneMachine, isTemplateUuid, sharedUuid } from './endpoints.ts';

/**
 * Property by which an operator sets a node's UUID after a mainboard replacement, or if its BMC reports another one.
 */
const ownUuid = 'system_uuid';

export type Identity = { uuid: string | null; serial: string | null; macs: readonly string[] };
type Mismatch = { found: string; expected: string; other?: Pick<Node, 'uuid' | 'name'> };

const uuidShape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Placeholder serial numbers of unconfigured firmware. */
const noSerial =
  /^(?:|[0 .-]+|x+|f+|none|n\/?a|null|unknown|default(?: string)?|not (?:specified|applicable|available|set)|(?:system|chassis|base board|product) serial (?:number|#)?|to be filled.*|0?123456789.*|serial number|invalid|empty)$/i;

/**
 * SMBIOS 2.6 and later store the first three groups little-endian; this form hides the difference when firmware and BMC
 * disagree.
 */
export function canonicalUuid(text: string): string | null {
  const uuid = text.trim().toLowerCase();
  if (!uuidShape.test(uuid) || isTemplateUuid(uuid) || isTemplateUuid(swapped(uuid))) return null;
  return [uuid, swapped(uuid)].sort()[0] as string;
}

function swapped(uuid: string): string {
  const turn = (group: string) => group.match(/../g)?.reverse().join('') ?? group;
  return uuid
    .split('-')
    .map((group, index) => (index < 3 ? turn(group) : group))
    .join('-');
}

export function identityOf({ system, nics }: ReportedIdentity): Identity {
  const serial = system.serial.trim();
  return {
    uuid: canonicalUuid(system.uuid),
    serial: noSerial.test(serial) ? null : serial,
    macs: nics.map(({ mac }) => mac.toLowerCase()),
  };
}

/** The parts of an inventory that identify a machine. */
export type ReportedIdentity = Pick<Inventory, 'nics'> & { system: Pick<Inventory['system'], 'uuid' | 'serial'> };
/** `told`: reported by the machine. `isBmcSure`: the UUID reported by the BMC is that of SMBIOS. */
export type Report = { reported: ReportedIdentity; isBmcSure: boolean };

/** @throws Fault `wrongMachine` with the node and, if known, the node whose machine it is */
export async function refuseWrongMachine(store: Store, node: Node, { reported, isBmcSure }: Report): Promise<void> {
  const mismatch = await findMismatch({ store, node, isBmcSure }, identityOf(reported));
  if (!mismatch) return;
  const { found, expected, other } = mismatch;
  const whose = other ? `the machine of node ${nameOf(other)}` : 'another machine';
  throw new Fault('wrongMachine', { node: nameOf(node), whose, found, expected });
}

type Known = { store: Store; node: Node; isBmcSure: boolean };

/** The first source decides: the operator's property, then the BMC, then other nodes, then the agent's last report. */
async function findMismatch({ store, node, isBmcSure }: Known, found: Identity): Promise<Mismatch | undefined> {
  const isShared = String(node.properties[sharedUuid]).toLowerCase() === 'true';
  const uuid = isShared ? null : found.uuid;
  const declared = canonicalUuid(String(node.properties[ownUuid] ?? ''));
  if (declared && uuid) return declared === uuid ? undefined : differs(uuid, `properties/${ownUuid} is ${declared}`);
  const reported = isShared ? null : canonicalUuid(node.system_uuid ?? '');
  if (reported && reported === uuid) return undefined;

  const other = await findOther(store, node, { ...found, uuid });
  if (other) return other;

  const before = node.inventory ? identityOf(node.inventory as unknown as Inventory) : undefined;
  if (uuid && before?.uuid) return before.uuid === uuid ? undefined : differs(uuid, `its agent last reported ${before.uuid}`);
  // On many boards the System GUID of IPMI (section 22.14) differs from the SMBIOS UUID; by itself it proves nothing.
  if (uuid && reported && isBmcSure) return differs(uuid, `its BMC reported ${reported}`);
  if (found.serial && before?.serial && found.serial !== before.serial)
    return { found: `serial number ${found.serial}`, expected: `its agent last reported ${before.serial}` };
  return undefined;
}

function differs(uuid: string, expected: string): Mismatch {
  return { found: `system UUID ${uuid}`, expected };
}

/** Serial numbers count only without a usable UUID: the servers of one chassis may report the chassis' number. */
async function findOther(store: Store, node: Node, { uuid, serial, macs }: Identity): Promise<Mismatch | undefined> {
  const bySerial = !uuid && serial ? await store.nodes.list({ machine_serial: serial }) : [];
  const byUuid = uuid
    ? [...(await store.nodes.list({ system_uuid: [uuid, swapped(uuid)] })), ...(await store.nodes.list({ machine_uuid: uuid }))]
    : [];
  for (const [others, found] of [
    [byUuid, `system UUID ${uuid}`],
    [bySerial, `serial number ${serial}`],
  ] as const) {
    const other = others.find((candidate) => candidate.uuid !== node.uuid && !isOneMachine(node, candidate));
    if (other) return { found, expected: 'that belongs to the other node', other };
  }
  return findMacOwner(store, node, macs);
}

async function findMacOwner(store: Store, node: Node, macs: readonly string[]): Promise<Mismatch | undefined> {
  for (const mac of macs) {
    const port = await store.node_ports.find({ address: mac });
    const other = port && port.node_uuid !== node.uuid ? await store.nodes.find({ uuid: port.node_uuid }) : undefined;
    if (other && !isOneMachine(node, other))
      return { found: `a NIC ${mac}`, expected: 'that is a port of the other node', other };
  }
  return undefined;
}

function nameOf({ uuid, name }: Pick<Node, 'uuid' | 'name'>): string {
  return name ?? uuid;
}
