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
    /** Says nothing at all any more. */
    silent: Type.Boolean(),
    /** Knows its users under other passwords than the right ones. */
    refusePassword: Type.Boolean(),
    /** Share of packets (IPMI) or requests (Redfish) lost on the way in, and again on the way out: 0 to 1. */
    dropRate: Type.Number({ minimum: 0, maximum: 1 }),
    /** Time before each answer, in milliseconds. */
    delayMs: Milliseconds,
    /** Says "done" to power commands and does nothing. */
    acceptsWithoutEffect: Type.Boolean(),
    /** Says "done" to power commands at once and begins so many milliseconds later. */
    actsAfterMs: Milliseconds,
    /** Says "done" to boot device requests and keeps none. */
    forgetsBootOverride: Type.Boolean(),
    cipherSuites: Type.Array(Type.Union([Type.Literal(3), Type.Literal(17)])),
    /** Which IPMI it speaks on the LAN: 1.5 sessions (MD5), 2.0 sessions (RMCP+). */
    ipmiVersions: Type.Array(Type.Union([Type.Literal('1.5'), Type.Literal('2.0')])),
    /** Sessions at once, on each face; further ones are turned down. */
    sessionLimit: Type.Integer({ minimum: 0, maximum: 1000 }),
    /** FRU areas and SDR contents carry checksums that are wrong. */
    wrongChecksums: Type.Boolean(),
    /** SDR repository: records cut short, of unknown type, with names of no length; reservations lost now and then. */
    oddSdr: Type.Boolean(),
    /** How its IPMI 2.0 sessions differ from the specification, under the names that FreeIPMI and ipmitool have for it. */
    oddSessions: Type.Array(
      Type.Union([
        /** Codes are made with the privilege of Open Session. */
        Type.Literal('opensesspriv'),
        /** RAKP 3 is checked without the look-up bit of the role. */
        Type.Literal('intelplus'),
        /** A byte too many behind RAKP 2. */
        Type.Literal('supermicro20'),
        /** Checksums inside of signed messages are wrong. */
        Type.Literal('nochecksumcheck'),
      ]),
    ),
    /** Answers of controllers behind it come inside of those to Send Message, not by themselves. */
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

/** The fields in which a profile differs from the default. */
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
 * Begins a power action as this profile does: at once, later, or never.
 * @param fail told of an action that failed after the caller had its answer
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
