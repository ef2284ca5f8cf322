/** PCIe devices of a machine, and what switches say to its NICs: schemas PCIeDevice, PCIeFunction, NetworkAdapter, Port. */
import type { JsonObject } from '#domain/json.ts';
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { SystemContext } from './find-system.ts';
import { known, mostFound, shortAt } from './found-fields.ts';
import { membersIfAny, readAll } from './reading.ts';
import { linkAt, linksAt, numberAt, objectAt, textAt } from './resource-fields.ts';

/** Each is two requests at least; machines with GPUs have some dozens. */
const mostDevices = 128;
const mostAdapters = 64;

/** In the format of Ironic's interface `redfish`, by the functions of each device. */
export async function readPciDevices(at: SystemContext, system: Resource): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  for (const device of await readAll(at, linksAt(system, 'PCIeDevices').slice(0, mostDevices))) {
    const functions = linkAt(device, 'PCIeFunctions') ?? linkAt(device, 'Links', 'PCIeFunctions');
    const linked = linksAt(device, 'Links', 'PCIeFunctions').slice(0, 8);
    const members = functions === undefined ? await readAll(at, linked) : await membersIfAny(at, functions);
    for (const one of members) {
      const shown = functionOf(one);
      if (Object.keys(shown).length > 0) found.push(shown);
      if (found.length >= mostFound) return found;
    }
  }
  return found;
}

function functionOf(one: Resource): JsonObject {
  return known({
    class: shortAt(one, 'DeviceClass'),
    product_id: shortAt(one, 'DeviceId'),
    vendor_id: shortAt(one, 'VendorId'),
    subsystem_id: shortAt(one, 'SubsystemId'),
    subsystem_vendor_id: shortAt(one, 'SubsystemVendorId'),
    revision: shortAt(one, 'RevisionId'),
  }) as JsonObject;
}

/** By the Id of the NIC's port, from Port.Ethernet.LLDPReceive; most services have none of it. */
export async function readLldp(at: SystemContext): Promise<Record<string, JsonObject>> {
  const found: [string, JsonObject][] = [];
  for (const chassis of await readAll(at, at.paths.chassis)) {
    for (const adapter of (await membersIfAny(at, linkAt(chassis, 'NetworkAdapters'))).slice(0, mostAdapters)) {
      for (const port of await membersIfAny(at, linkAt(adapter, 'Ports'))) {
        const [name, facts] = [shortAt(port, 'Id'), heardBy(port)];
        if (name !== undefined && Object.keys(facts).length > 0) found.push([name, facts]);
      }
    }
  }
  return Object.fromEntries(found.slice(0, mostFound));
}

function heardBy(port: Resource): JsonObject {
  const heard = objectAt(port, 'Ethernet', 'LLDPReceive');
  const vlan = numberAt(heard, 'ManagementVlanId');
  // 4095: the schema's value for "none was received".
  const switch_vlan_id = vlan === 4095 ? undefined : vlan;
  return known({
    switch_chassis_id: shortAt(heard, 'ChassisId'),
    switch_port_id: shortAt(heard, 'PortId'),
    switch_system_name: shortAt(heard, 'SystemName'),
    switch_system_description: textAt(heard, 'SystemDescription')?.slice(0, 512).toWellFormed(),
    switch_vlan_id,
  }) as JsonObject;
}
