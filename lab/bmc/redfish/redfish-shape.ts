/** Differences between vendors' Redfish services, as data: lab/bmc-profiles/*.json fill it in. */
import { type Static, Type } from 'typebox';

const Names = Type.Array(Type.String({ minLength: 1 }));
const PathName = Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' });
const closed = { additionalProperties: false };

export const redfishShapeSchema = Type.Object(
  {
    /** `Vendor` and `Product` of the service root. */
    vendor: Type.String(),
    product: Type.String(),
    /** Last part of the path of the one system, chassis and manager. */
    systemId: PathName,
    chassisId: PathName,
    managerId: PathName,
    /** Path of the BIOS settings below the BIOS resource, `Settings` in most. */
    biosSettings: PathName,
    /** Path of a media slot below `VirtualMedia`. */
    cdId: PathName,
    floppyId: PathName,
    /** The resource that holds the collection `VirtualMedia` (DSP0268: either). */
    mediaOwner: Type.Enum(['manager', 'system']),
    /** How a medium is inserted: by action, by PATCH of `Image` and `Inserted`, or either. */
    mediaBy: Type.Enum(['action', 'patch', 'both']),
    /** Image and ImageName stay after an eject; only ConnectedVia is correct. */
    mediaKeepsImage: Type.Boolean(),
    /** Header ETag, and its form: RFC 9110 section 8.8.3. */
    etags: Type.Enum(['none', 'weak', 'strong']),
    /** PATCH without If-Match: accepted, or 428 (DSP0266, "ETags"). A wrong ETag always gets 412. */
    ifMatch: Type.Enum(['optional', 'required']),
    /** Body of an error: with `@Message.ExtendedInfo`, with only `code` and `message`, or not JSON. */
    errors: Type.Enum(['extended', 'short', 'text']),
    /** Registry prefix of message ids in errors, `Base.1.8` in most. */
    messageRegistry: Type.String({ minLength: 1 }),
    /** Whether SessionService exists; whether basic authentication is accepted. */
    sessions: Type.Boolean(),
    basicAuth: Type.Boolean(),
    /** Session timeout in seconds. */
    sessionTimeout: Type.Integer({ minimum: 1, maximum: 86_400 }),
    resetTypes: Names,
    bootTargets: Names,
    /** Where the boot override is written: the system itself, or its settings resource (`@Redfish.Settings`). */
    bootAt: Type.Enum(['system', 'settings']),
    /** Whether BootSourceOverrideMode is accepted, or rejected with 400. */
    bootMode: Type.Enum(['writable', 'read-only']),
    /** Boot overrides are rejected unless enabled, target and mode come together. */
    wholeBootOnly: Type.Boolean(),
    /** Milliseconds after a power off during which power on is rejected with 409. */
    settleMs: Type.Integer({ minimum: 0, maximum: 600_000 }),
    /** Whether the service sends events to subscribers, and by SSE. */
    events: Type.Boolean(),
    eventStream: Type.Boolean(),
    /** Response to an accepted reset: 204 without a body, 200 with a message, 202 with a task. */
    resetAnswers: Type.Enum(['204', '200', '202']),
    /** A RAID controller, and when it makes volumes; its drives are no disks of the machine. */
    volumes: Type.Enum(['none', 'Immediate', 'OnReset']),
    /** Duration of a task in milliseconds: firmware updates, resets by task. */
    taskMs: Type.Integer({ minimum: 0, maximum: 3_600_000 }),
    /** Status 503 with Retry-After (seconds) for this long after the start or a manager reset; 0 = never. */
    startingMs: Type.Integer({ minimum: 0, maximum: 600_000 }),
    /** By kind of resource (`system`, `manager`, …): paths of fields that this vendor omits, `Boot/HttpBootUri`. */
    omit: Type.Record(Type.String(), Names),
    /** By kind of resource: fields that this vendor adds or replaces (RFC 7396 merge patch). */
    extend: Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown())),
  },
  closed,
);

export type RedfishShape = Readonly<Static<typeof redfishShapeSchema>>;

export const defaultRedfishShape: RedfishShape = {
  vendor: 'Ingot',
  product: 'Virtual BMC',
  systemId: '1',
  chassisId: '1',
  managerId: '1',
  biosSettings: 'Settings',
  cdId: 'Cd',
  floppyId: 'Floppy',
  mediaOwner: 'manager',
  mediaBy: 'action',
  mediaKeepsImage: false,
  etags: 'weak',
  ifMatch: 'optional',
  errors: 'extended',
  messageRegistry: 'Base.1.8',
  sessions: true,
  basicAuth: true,
  sessionTimeout: 600,
  resetTypes: [
    'On',
    'ForceOff',
    'GracefulShutdown',
    'GracefulRestart',
    'ForceRestart',
    'Nmi',
    'ForceOn',
    'PushPowerButton',
    'PowerCycle',
  ],
  bootTargets: ['None', 'Pxe', 'Floppy', 'Cd', 'Usb', 'Hdd', 'BiosSetup', 'Diags', 'UefiShell', 'UefiHttp'],
  bootAt: 'system',
  bootMode: 'writable',
  wholeBootOnly: false,
  settleMs: 0,
  events: true,
  eventStream: true,
  resetAnswers: '204',
  volumes: 'none',
  taskMs: 1000,
  startingMs: 0,
  omit: {},
  extend: {},
};
