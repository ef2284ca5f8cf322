/** Vendor methods for Redfish functions outside the standard interfaces, with Ironic's names where they exist. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { NodeFacts, VendorInterface, VendorMethod } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import { rootPath, type SystemContext, type WithSystem } from './find-system.ts';
import { readRedfishSettings, redfishProperties } from './properties.ts';
import { membersIfAny, read, readIfAny } from './reading.ts';
import { linkAt } from './resource-fields.ts';
import { resetSecureBootKeys } from './secure-boot.ts';
import type { RedfishSettings } from './settings.ts';

/** The setting `redfish.raw_paths`: whether users of vendor methods may read any resource, or none. */
export type RawPaths = RedfishSettings['redfish.raw_paths'];

export type RedfishVendorParts = { readonly withSystem: WithSystem; readonly rawPaths: RawPaths };

const closed = { additionalProperties: false };
const resourcePath = Type.String({ pattern: '^/redfish/v1(/(?!\\.)[A-Za-z0-9._~@:()-]+)*/?$', maxLength: 512 });
/** `..` would address another resource: deleting it would delete the event service. */
const subscriptionId = Type.String({ pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,128}$' });

const parameterTable = {
  get: Type.Object({ path: resourcePath }, closed),
  get_all_subscriptions: Type.Object({}, closed),
  get_subscription: Type.Object({ id: subscriptionId }, closed),
  delete_subscription: Type.Object({ id: subscriptionId }, closed),
  secure_boot_reset_keys: Type.Object(
    { type: Type.Optional(Type.Enum(['ResetAllKeysToDefault', 'DeleteAllKeys', 'DeletePK'])) },
    closed,
  ),
} as const;
type Name = keyof typeof parameterTable;
type Parameters<N extends Name> = Static<(typeof parameterTable)[N]>;

export function createRedfishVendor({ withSystem, rawPaths }: RedfishVendorParts): VendorInterface {
  const method = <N extends Name>(
    name: N,
    about: Pick<VendorMethod, 'help' | 'http'>,
    work: (at: SystemContext, parameters: Parameters<N>) => Promise<Json>,
  ): VendorMethod => ({
    ...about,
    run: async (node, parameters, callOptions) => {
      const checked = check(parameterTable[name], parameters, name) as Parameters<N>;
      return await withSystem({ node, callOptions, command: name }, (at) => work(at, checked));
    },
  });
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    methods: {
      get: guarded(
        rawPaths,
        method(
          'get',
          {
            http: ['GET', 'POST'],
            help: 'Reads the resource at path=/redfish/v1/…; the setting redfish.raw_paths must be `read`.',
          },
          async (at, { path }) => withoutSecretFields(await read(at, path)),
        ),
      ),
      get_all_subscriptions: method(
        'get_all_subscriptions',
        { http: ['GET'], help: 'Lists the event subscriptions of the BMC.' },
        async (at) => {
          const members = await membersIfAny(at, await subscriptionsPath(at));
          return members.map(toSubscription);
        },
      ),
      get_subscription: method(
        'get_subscription',
        { http: ['GET'], help: 'Shows an event subscription by id.' },
        async (at, { id }) => toSubscription((await readIfAny(at, await subscriptionPath(at, id))) ?? missing(id)),
      ),
      delete_subscription: method(
        'delete_subscription',
        { http: ['DELETE'], help: 'Deletes an event subscription by id.' },
        async (at, { id }) => {
          await at.client.delete(await subscriptionPath(at, id), at.callOptions);
          return null;
        },
      ),
      secure_boot_reset_keys: method(
        'secure_boot_reset_keys',
        {
          http: ['POST'],
          help: 'Resets the keys of secure boot: type=ResetAllKeysToDefault (default), DeleteAllKeys or DeletePK.',
        },
        async (at, { type = 'ResetAllKeysToDefault' }) => {
          await resetSecureBootKeys(at, type);
          return null;
        },
      ),
    },
  };
}

function guarded(rawPaths: RawPaths, method: VendorMethod): VendorMethod {
  if (rawPaths === 'read') return method;
  const run = async (_node: NodeFacts, _parameters: JsonObject): Promise<never> => {
    throw new Fault('forbidden', { detail: 'Reading any Redfish path is disabled (setting redfish.raw_paths).' });
  };
  return { ...method, run };
}

function check<S extends TSchema>(schema: S, parameters: JsonObject, name: string): Static<S> {
  if (Value.Check(schema, parameters)) return parameters as Static<S>;
  const [first] = Value.Errors(schema, parameters);
  const where = first?.instancePath.replace('/', '') ?? '';
  throw new Fault('badRequest', {
    detail: `${name}: ${[where, first?.message ?? 'wrong parameters'].filter(Boolean).join(' ')}`,
  });
}

async function subscriptionsPath(at: SystemContext): Promise<string> {
  const service = await readIfAny(at, linkAt(await read(at, rootPath), 'EventService'));
  return linkAt(service, 'Subscriptions') ?? (await unsupported(at.node, 'event service'));
}

async function subscriptionPath(at: SystemContext, id: string): Promise<string> {
  return `${(await subscriptionsPath(at)).replace(/\/+$/, '')}/${id}`;
}

function missing(id: string): never {
  throw new Fault('notFound', { what: 'Subscription', id });
}

const subscriptionFields = ['Id', 'Context', 'Protocol', 'Destination', 'EventTypes'];

function toSubscription(resource: Resource): JsonObject {
  return Object.fromEntries(Object.entries(resource).filter(([name]) => subscriptionFields.includes(name))) as JsonObject;
}

/** Community strings, keys and the like: services return null for passwords (schema ManagerAccount), not for all. */
const secretFields =
  /password|passphrase|secret|token|community|credential|privatekey|encryptionkey|authenticationkey|httpheaders/i;

function withoutSecretFields(value: Json | Resource): Json {
  if (Array.isArray(value)) return value.map(withoutSecretFields);
  if (typeof value !== 'object' || value === null) return value as Json;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, hides(name, inner) ? '***' : withoutSecretFields(inner as Json)]),
  );
}

function hides(name: string, value: unknown): boolean {
  return secretFields.test(name) && value !== '' && (typeof value === 'string' || Array.isArray(value));
}
