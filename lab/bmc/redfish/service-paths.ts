import type { RedfishShape } from './redfish-shape.ts';

export const serviceRoot = '/redfish/v1';

export type ServicePaths = ReturnType<typeof pathsOf>;

/** Paths of this vendor's resources. */
export function pathsOf({ systemId, chassisId, managerId, biosSettings, mediaOwner }: RedfishShape) {
  const system = `${serviceRoot}/Systems/${systemId}`;
  const chassis = `${serviceRoot}/Chassis/${chassisId}`;
  const manager = `${serviceRoot}/Managers/${managerId}`;
  const log = `${manager}/LogServices/Sel`;
  return {
    system,
    chassis,
    manager,
    log,
    bios: `${system}/Bios`,
    biosSettings: `${system}/Bios/${biosSettings}`,
    secureBoot: `${system}/SecureBoot`,
    storage: `${system}/Storage`,
    media: `${mediaOwner === 'system' ? system : manager}/VirtualMedia`,
    nics: `${manager}/EthernetInterfaces`,
    sessions: `${serviceRoot}/SessionService/Sessions`,
    accounts: `${serviceRoot}/AccountService/Accounts`,
    roles: `${serviceRoot}/AccountService/Roles`,
    tasks: `${serviceRoot}/TaskService/Tasks`,
    monitors: `${serviceRoot}/TaskService/TaskMonitors`,
    update: `${serviceRoot}/UpdateService`,
    inventory: `${serviceRoot}/UpdateService/FirmwareInventory`,
    events: `${serviceRoot}/EventService`,
    subscriptions: `${serviceRoot}/EventService/Subscriptions`,
    registries: `${serviceRoot}/Registries`,
  };
}
