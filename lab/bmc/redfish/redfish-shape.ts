/** What differs between the Redfish services of vendors, as data: lab/bmc-profiles/*.json fill it in. */
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
    /** Which resource holds the collection `VirtualMedia` (DSP0268: either). */
    mediaOwner: Type.Enum(['manager', 'system']),
    /** How a medium is put in: by action, by PATCH of `Image` and `Inserted`, or either way. */
    mediaBy: Type.Enum(['action', 'patch', 'both']),
    /** Image and ImageName stay after an eject; ConnectedVia alone tells the truth. */
    mediaKeepsImage: Type.Boolean(),
    /** Header ETag, and its form: RFC 9110 section 8.8.3. */
    etags: Type.Enum(['none', 'weak', 'strong']),
    /** PATCH without If-Match: done all the same, or 428 (DSP0266, "ETags"). A wrong one is always 412. */
    ifMatch: Type.Enum(['optional', 'required']),
    /** Body of an error: with `@Message.ExtendedInfo`, with `code` and `message` alone, or no JSON at all. */
    errors: Type.Enum(['extended', 'short', 'text']),
    /** Registry prefix of message ids in errors, `Base.1.8` in most. */
    messageRegistry: Type.String({ minLength: 1 }),
    /** Is there a SessionService; may requests bring user and password? */
    sessions: Type.Boolean(),
    basicAuth: Type.Boolean(),
    /** Seconds; a session unheard for so long is gone. */
    sessionTimeout: Type.Integer({ minimum: 1, maximum: 86_400 }),
    resetTypes: Names,
    bootTargets: Names,
    /** Where the boot override is written: the system itself, or its settings resource (`@Redfish.Settings`). */
    bootAt: Type.Enum(['system', 'settings']),
    /** Is BootSourceOverrideMode taken, or answered with 400? */
    bootMode: Type.Enum(['writable', 'read-only']),
    /** Boot overrides are refused unless enabled, target and mode come together. */
    wholeBootOnly: Type.Boolean(),
    /** Milliseconds after a power off in which switching on is answered with 409. */
    settleMs: Type.Integer({ minimum: 0, maximum: 600_000 }),
    /** Does the service send events to subscribers, and by SSE? */
    events: Type.Boolean(),
    eventStream: Type.Boolean(),
    /** What an accepted reset answers: 204 without a body, 200 with a message, 202 with a task. */
    resetAnswers: Type.Enum(['204', '200', '202']),
    /** Milliseconds of the work of a task: firmware updates, resets by task. */
    taskMs: Type.Integer({ minimum: 0, maximum: 3_600_000 }),
    /** Status 503 with Retry-After (seconds) for this long after the start or a reset of the manager; 0 = never. */
    startingMs: Type.Integer({ minimum: 0, maximum: 600_000 }),
    /** By kind of resource (`system`, `manager`, …): paths of fields that this vendor leaves out, `Boot/HttpBootUri`. */
    omit: Type.Record(Type.String(), Names),
    /** By kind of resource: what this vendor has besides or in place (RFC 7396 merge patch). */
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
  taskMs: 1000,
  startingMs: 0,
  omit: {},
  extend: {},
};
