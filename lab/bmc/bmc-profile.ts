/**
 * How a virtual BMC behaves or misbehaves, on its IPMI and Redfish front ends; can be changed while it runs. The
 * files of lab/bmc-profiles/ are named sets of differences from the default.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Static, Type } from 'typebox';
import { defaultRedfishShape, redfishShapeSchema } from './redfish/redfish-shape.ts';

const Milliseconds = Type.Integer({ minimum: 0, maximum: 600_000 });

export const bmcProfileSchema = Type.Object(
  {
    /** Never responds. */
    silent: Type.Boolean(),
    /** Rejects the correct passwords of its users. */
    refusePassword: Type.Boolean(),
    /** Share of packets (IPMI) or requests (Redfish) lost on receipt, and again on sending: 0 to 1. */
    dropRate: Type.Number({ minimum: 0, maximum: 1 }),
    /** Delay before each response, in milliseconds. */
    delayMs: Milliseconds,
    /** Acknowledges power commands and does nothing. */
    acceptsWithoutEffect: Type.Boolean(),
    /** Acknowledges power commands at once and executes them after this many milliseconds. */
    actsAfterMs: Milliseconds,
    /** Acknowledges boot device requests and discards them. */
    forgetsBootOverride: Type.Boolean(),
    cipherSuites: Type.Array(Type.Union([Type.Literal(3), Type.Literal(17)])),
    /** IPMI versions supported on the LAN: 1.5 sessions (MD5), 2.0 sessions (RMCP+). */
    ipmiVersions: Type.Array(Type.Union([Type.Literal('1.5'), Type.Literal('2.0')])),
    /** Maximum concurrent sessions on each front end; further ones are rejected. */
    sessionLimit: Type.Integer({ minimum: 0, maximum: 1000 }),
    /** FRU areas and SDR contents have wrong checksums. */
    wrongChecksums: Type.Boolean(),
    /** SDR repository with truncated records, unknown record types and empty names; reservations are lost at times. */
    oddSdr: Type.Boolean(),
    /** Deviations of its IPMI 2.0 sessions from the specification, named as in FreeIPMI and ipmitool. */
    oddSessions: Type.Array(
      Type.Union([
        /** Authentication codes use the privilege level of Open Session. */
        Type.Literal('opensesspriv'),
        /** RAKP 3 is verified without the name-only lookup bit of the role. */
        Type.Literal('intelplus'),
        /** One extra byte after RAKP 2. */
        Type.Literal('supermicro20'),
        /** Wrong checksums inside signed messages. */
        Type.Literal('nochecksumcheck'),
      ]),
    ),
    /** Responses of controllers behind it are embedded in those to Send Message, not sent separately. */
    embedsBridged: Type.Boolean(),
    redfish: redfishShapeSchema,
  },
  { additionalProperties: false },
);

export type BmcProfile = Readonly<Static<typeof bmcProfileSchema>>;

export const defaultBmcProfile: BmcProfile = {
  silent: false,
  refusePassword: false,
  dropRate: 0,
  delayMs: 0,
  acceptsWithoutEffect: false,
  actsAfterMs: 0,
  forgetsBootOverride: false,
  cipherSuites: [17, 3],
  ipmiVersions: ['2.0'],
  sessionLimit: 16,
  wrongChecksums: false,
  oddSdr: false,
  oddSessions: [],
  embedsBridged: false,
  redfish: defaultRedfishShape,
};

export type BmcProfileChanges = Partial<Omit<BmcProfile, 'redfish'>> & { readonly redfish?: Partial<BmcProfile['redfish']> };

export function changeBmcProfile(former: BmcProfile, { redfish, ...changes }: BmcProfileChanges): BmcProfile {
  return { ...former, ...changes, redfish: { ...former.redfish, ...redfish } };
}

/** The fields that differ from the default. */
export function differencesFromDefault({ redfish, ...others }: BmcProfile): BmcProfileChanges {
  const { redfish: defaultShape, ...defaults } = defaultBmcProfile;
  const shape = differences(redfish, defaultShape);
  const changes: BmcProfileChanges = differences(others, defaults);
  return Object.keys(shape).length > 0 ? { ...changes, redfish: shape } : changes;
}

function differences<T extends object>(one: T, other: T): Partial<T> {
  const differs = ([name, value]: [string, unknown]) => !isDeepStrictEqual(value, other[name as keyof T]);
  return Object.fromEntries(Object.entries(one).filter(differs)) as Partial<T>;
}

/**
 * Starts a power action as this profile says: at once, later, or never.
 * @param fail called when an action fails after the caller has received its response
 */
export function startPowerAction(
  { acceptsWithoutEffect, actsAfterMs }: BmcProfile,
  action: () => void | Promise<void>,
  fail: (error: unknown) => void,
): void {
  if (acceptsWithoutEffect) return;
  const begin = () => void (async () => action())().catch(fail);
  if (actsAfterMs === 0) begin();
  else setTimeout(begin, actsAfterMs).unref();
}
