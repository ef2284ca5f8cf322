/** The BMC itself: reset, network, and the event log. DSP0268: Manager v1, LogService v1, LogEntry v1. */
import type { BmcModelLogEntry } from '../bmc-model.ts';
import type { Resource } from './messages.ts';
import { type Call, collection, expectChoice, head, healthy, link, missing, type Route } from './route.ts';
import { serviceRoot } from './service-paths.ts';
import type { ServiceState } from './service-state.ts';

const resetKinds = ['GracefulRestart', 'ForceRestart'];
/** Entries per page; the rest is behind `Members@odata.nextLink`. */
const pageSize = 50;

export function managerRoutes({ paths }: ServiceState): Route[] {
  const all = `${serviceRoot}/Managers`;
  const { manager, nics, log } = paths;
  const logs = `${manager}/LogServices`;
  return [
    { kind: 'managers', path: all, get: () => collection(all, 'Manager', [manager]) },
    { kind: 'manager', path: manager, get: ({ state }) => describeManager(state) },
    {
      kind: 'manager',
      path: `${manager}/Actions/Manager.Reset`,
      writer: 'administrator',
      post: ({ state, body }) => {
        const kind = expectChoice('ResetType', body['ResetType'] ?? 'GracefulRestart', resetKinds);
        // The response is sent first, because the BMC then restarts.
        setImmediate(() => state.bmcModel.resetBmc(kind === 'ForceRestart' ? 'cold' : 'warm'));
        return { status: 204 };
      },
    },
    { kind: 'managerNics', path: nics, get: () => collection(nics, 'EthernetInterface', [`${nics}/1`]) },
    { kind: 'managerNic', path: `${nics}/1`, get: ({ state }) => describeNic(state) },
    { kind: 'networkProtocol', path: `${manager}/NetworkProtocol`, get: () => describeProtocols(manager) },
    { kind: 'logServices', path: logs, get: () => collection(logs, 'LogService', [log]) },
    { kind: 'logService', path: log, get: () => describeLog(log) },
    { kind: 'logEntries', path: `${log}/Entries`, get: (call) => describeEntries(call, `${log}/Entries`) },
    {
      kind: 'logEntry',
      path: `${log}/Entries/{}`,
      get: (call) => {
        const entry = call.state.bmcModel.log.find(({ id }) => String(id) === call.ids[0]);
        if (!entry) throw missing(call);
        return describeEntry(`${log}/Entries`, entry);
      },
    },
    {
      kind: 'logService',
      path: `${log}/Actions/LogService.ClearLog`,
      post: ({ state }) => {
        state.bmcModel.clearLog();
        return { status: 204 };
      },
    },
  ];
}

function describeManager({ bmcModel, paths, shape, firmware }: ServiceState): Resource {
  const { manager } = paths;
  return {
    ...head(manager, 'Manager.v1_11_0.Manager', 'Manager'),
    ManagerType: 'BMC',
    Model: bmcModel.identity.product,
    FirmwareVersion: firmware.get('BMC') ?? null,
    UUID: bmcModel.identity.uuid,
    DateTime: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
    DateTimeLocalOffset: '+00:00',
    PowerState: 'On',
    Status: healthy,
    EthernetInterfaces: link(paths.nics),
    NetworkProtocol: link(`${manager}/NetworkProtocol`),
    LogServices: link(`${manager}/LogServices`),
    ...(shape.mediaOwner === 'manager' && { VirtualMedia: link(paths.media) }),
    Links: {
      ManagerForServers: [link(paths.system)],
      ManagerForChassis: [link(paths.chassis)],
      ManagerInChassis: link(paths.chassis),
    },
    Actions: {
      '#Manager.Reset': { target: `${manager}/Actions/Manager.Reset`, 'ResetType@Redfish.AllowableValues': resetKinds },
    },
  };
}

function describeNic({ bmcModel, paths }: ServiceState): Resource {
  const { address, mask, gateway, mac, source } = bmcModel.lan;
  return {
    ...head(`${paths.nics}/1`, 'EthernetInterface.v1_6_2.EthernetInterface', 'Manager Ethernet Interface'),
    MACAddress: mac,
    PermanentMACAddress: mac,
    InterfaceEnabled: true,
    LinkStatus: 'LinkUp',
    SpeedMbps: 1000,
    FullDuplex: true,
    DHCPv4: { DHCPEnabled: source === 'dhcp' },
    IPv4Addresses: [
      { Address: address, SubnetMask: mask, Gateway: gateway, AddressOrigin: source === 'dhcp' ? 'DHCP' : 'Static' },
    ],
    Status: healthy,
  };
}

function describeProtocols(manager: string): Resource {
  return {
    ...head(`${manager}/NetworkProtocol`, 'ManagerNetworkProtocol.v1_6_1.ManagerNetworkProtocol', 'Manager Network Protocol'),
    HTTPS: { ProtocolEnabled: true, Port: 443 },
    IPMI: { ProtocolEnabled: true, Port: 623 },
    Status: healthy,
  };
}

function describeLog(log: string): Resource {
  return {
    ...head(log, 'LogService.v1_2_0.LogService', 'System Event Log'),
    LogEntryType: 'SEL',
    MaxNumberOfRecords: 512,
    OverWritePolicy: 'WrapsWhenFull',
    ServiceEnabled: true,
    DateTime: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
    Status: healthy,
    Entries: link(`${log}/Entries`),
    Actions: { '#LogService.ClearLog': { target: `${log}/Actions/LogService.ClearLog` } },
  };
}

function describeEntries({ state, query }: Call, path: string): Resource {
  const skip = Number(query.get('$skip') ?? 0) || 0;
  const { log } = state.bmcModel;
  const page = log.slice(skip, skip + pageSize);
  const next: Resource = skip + pageSize < log.length ? { 'Members@odata.nextLink': `${path}?$skip=${skip + pageSize}` } : {};
  return {
    ...collection(path, 'LogEntry', []),
    'Members@odata.count': log.length,
    Members: page.map((entry) => describeEntry(path, entry)),
    ...next,
  };
}

function describeEntry(path: string, { id, at, sensor, message, severity, event }: BmcModelLogEntry): Resource {
  const level = { ok: 'OK', warning: 'Warning', critical: 'Critical' }[severity];
  return {
    ...head(`${path}/${id}`, 'LogEntry.v1_8_0.LogEntry', `Log Entry ${id}`),
    EntryType: 'SEL',
    Created: new Date(at).toISOString().replace(/\.\d+Z/, 'Z'),
    Severity: level,
    Message: `${sensor}: ${message}`,
    EntryCode: event.asserted ? 'Assert' : 'Deassert',
    EventTimestamp: new Date(at).toISOString().replace(/\.\d+Z/, 'Z'),
  };
}
