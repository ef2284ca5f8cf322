/** BIOS settings: DSP0268 schema Bios, settings resource (`@Redfish.Settings`, schema Settings) and registry. */
import { Fault } from '#domain/faults.ts';
import { type Json, RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { BiosInterface, BiosSetting, NodeFacts } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import { BiosRulesCache } from './bios-registry.ts';
import { type BiosState, judgeChanges, ruleOf, type Values } from './bios-rules.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { readRedfishSettings, redfishProperties } from './properties.ts';
import { readIfAny, unlessAbsent } from './reading.ts';
import { linkAt, objectAt, objectsAt, pathAt, rowOf, textAt, textsAt } from './resource-fields.ts';
import { withoutSecrets } from './without-secrets.ts';

type Bios = BiosState & {
  readonly resource: Resource;
  /** Where to PATCH: the settings resource, or the Bios resource itself if it has none. */
  readonly target: { readonly path: string; readonly etag: string | undefined };
  readonly canApplyOnReset: boolean;
};

export function createRedfishBios(withSystem: WithSystem): BiosInterface {
  const cache = new BiosRulesCache();
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    readSettings: (node, callOptions) =>
      withSystem({ node, callOptions, command: 'read BIOS settings' }, async (at) => toSettings(await readBios(at, cache))),
    applySettings: (node, changes, callOptions) =>
      withSystem({ node, callOptions, command: 'change BIOS settings' }, async (at) =>
        applyChanges(at, await readBios(at, cache), changes),
      ),
    factoryReset: (node, callOptions) => withSystem({ node, callOptions, command: 'reset BIOS settings' }, resetBios),
  };
}

async function findBios(at: SystemContext): Promise<{ path: string; resource: Resource; version: string }> {
  const system = (await at.system()).body;
  const path = linkAt(system, 'Bios');
  const resource = await readIfAny(at, path);
  if (path === undefined || !resource) return await unsupported(at.node, 'BIOS settings');
  return { path, resource, version: textAt(system, 'BiosVersion') ?? '' };
}

async function readBios(at: SystemContext, cache: BiosRulesCache): Promise<Bios> {
  const { path, resource, version } = await findBios(at);
  const linkedPath = linkAt(resource, '@Redfish.Settings', 'SettingsObject');
  const unlinked = linkedPath === undefined && at.paths.tolerances.has('bios settings not linked') ? `${path}/SD` : undefined;
  const readPath = linkedPath ?? unlinked;
  const settings = readPath === undefined ? undefined : await unlessAbsent(at, () => at.client.get(readPath, at.callOptions));
  const settingsPath = linkedPath ?? (settings && unlinked);
  // OpenBMC on NVIDIA's boards has the registry but does not link it.
  const name = textAt(resource, 'AttributeRegistry') ?? 'BiosAttributeRegistry';
  const current = valuesOf(resource);
  return {
    resource,
    rules: await cache.get(at, { name, version }),
    current,
    pending: settings ? differences(valuesOf(settings.body), current) : {},
    target: { path: settingsPath ?? path, etag: settings?.etag },
    canApplyOnReset: canApplyOnReset(resource, settings?.body),
  };
}

function valuesOf(bios: Resource): Values {
  const entries = Object.entries(objectAt(bios, 'Attributes'));
  return Object.fromEntries(
    entries.filter(([name, value]) => !name.includes('@') && (typeof value !== 'object' || value === null)),
  );
}

/** Lenovo, HPE and AMI repeat all settings in the settings resource, Dell lists only the pending ones. */
function differences(pending: Values, current: Values): Values {
  return Object.fromEntries(
    Object.entries(pending).filter(([name, value]) => Object.hasOwn(current, name) && current[name] !== value),
  );
}

/** iDRAC applies nothing without an apply time; services that list none reject one. Schema Settings. */
function canApplyOnReset(bios: Resource, settings: Resource | undefined): boolean {
  const times = [
    textsAt(bios, '@Redfish.Settings', 'SupportedApplyTimes'),
    textsAt(settings, '@Redfish.SettingsApplyTime', 'ApplyTime@Redfish.AllowableValues'),
  ];
  return times.some((list) => list?.includes('OnReset'));
}

function toSettings(bios: Bios): BiosSetting[] {
  const { current, pending } = bios;
  return Object.entries(current).map(([name, value]) => {
    const rule = ruleOf(bios, name);
    return withoutGaps({
      name,
      value,
      pending: rowOf(pending, name),
      type: rule?.type,
      allowable_values: rule?.values,
      lower_bound: rule?.lowerBound,
      upper_bound: rule?.upperBound,
      min_length: rule?.minLength,
      max_length: rule?.maxLength,
      // Known only from a registry.
      read_only: bios.rules?.attributes.has(name) ? rule?.readOnly : undefined,
      reset_required: rule?.resetRequired,
    });
  });
}

function withoutGaps(setting: { [Key in keyof BiosSetting]: BiosSetting[Key] | undefined }): BiosSetting {
  return Object.fromEntries(Object.entries(setting).filter(([, value]) => value !== undefined)) as BiosSetting;
}

async function applyChanges(at: SystemContext, bios: Bios, changes: Values): Promise<void> {
  const { values, problems } = judgeChanges(bios, changes);
  if (problems.length > 0) throw refused(at.node, problems);
  const news = Object.fromEntries(Object.entries(values).filter(([name, value]) => isNews(bios, name, value)));
  if (Object.keys(news).length === 0) return;
  const { path, etag } = bios.target;
  const body: Record<string, Json> = { Attributes: news };
  if (bios.canApplyOnReset) body['@Redfish.SettingsApplyTime'] = { ApplyTime: 'OnReset' };
  // A 202 names a task that ends at the machine's next boot, which the operator decides on.
  const request = { ...at.callOptions, task: 'accept' as const };
  const patch = (guard: { etag?: string }) => at.client.patch(path, body, { ...request, ...guard });
  const reply = await patch(etag === undefined ? {} : { etag })
    .catch((error) => {
      // The settings were read just now: 412 rather means another ETag form of the service than a concurrent change.
      if (etag !== undefined && error instanceof RedfishError && [412, 428].includes(error.status ?? 0)) return patch({});
      throw error;
    })
    .catch((error) => {
      throw withoutSecrets(error, passwordsIn(bios, news));
    });
  const left = complaintsOf(reply.body, Object.keys(news));
  if (left.length === 0) return;
  const detail = ['not all of it was taken', ...left].join('; ');
  throw new RedfishError('answered', { request: `PATCH ${path}`, detail, status: reply.status, messages: left });
}

function passwordsIn({ rules }: Bios, values: Values): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    rules?.attributes.get(name)?.type === 'Password' && typeof value === 'string' ? [value] : [],
  );
}

function isNews({ rules, current, pending }: Bios, name: string, value: Json): boolean {
  const isReadable = rules?.attributes.get(name)?.type !== 'Password';
  return !isReadable || (rowOf(pending, name) ?? rowOf(current, name)) !== value;
}

function refused({ name, uuid }: NodeFacts, problems: readonly string[]): Fault {
  const shown = problems.slice(0, 20).join('. ');
  const more = problems.length > 20 ? `. And ${problems.length - 20} more` : '';
  return new Fault('badRequest', { detail: `No BIOS setting of node ${name ?? uuid} was changed: ${shown}${more}.` });
}

/** A service that applied only some values answers 200 and annotates the others. DSP0266 section "PATCH (update)". */
function complaintsOf(body: Resource, names: readonly string[]): string[] {
  const attributes = objectAt(body, 'Attributes');
  return names.flatMap((name) =>
    objectsAt(attributes, `${name}@Message.ExtendedInfo`)
      .filter((message) => /warning|critical/i.test(textAt(message, 'MessageSeverity') ?? textAt(message, 'Severity') ?? ''))
      .map((message) => `${name}: ${textAt(message, 'Message') ?? textAt(message, 'MessageId') ?? 'not taken'}`),
  );
}

async function resetBios(at: SystemContext): Promise<void> {
  const { resource } = await findBios(at);
  const target = pathAt(resource, 'Actions', '#Bios.ResetBios', 'target');
  if (target === undefined) return await unsupported(at.node, 'resetting BIOS settings');
  await at.client.post(target, {}, { ...at.callOptions, task: 'accept' });
}
