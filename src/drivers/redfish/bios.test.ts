import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree } from '#test/a-redfish-tree.ts';
import { createRedfishBios } from './bios.ts';

const biosPath = '/redfish/v1/Systems/1/Bios';
const usualSystem = {
  '@odata.id': '/redfish/v1/Systems/1',
  Bios: { '@odata.id': biosPath },
  BiosVersion: '2.44',
  Links: { Chassis: [{ '@odata.id': '/redfish/v1/Chassis/1' }], ManagedBy: [{ '@odata.id': '/redfish/v1/Managers/1' }] },
};

const choice = (AttributeName: string, values: readonly string[], more: JsonObject = {}) => ({
  AttributeName,
  Type: 'Enumeration',
  Value: values.map((ValueName) => ({ ValueName })),
  ReadOnly: false,
  ...more,
});
const lock = (attribute: string, condition: JsonObject, property = 'ReadOnly', value: string | boolean | number = true) => ({
  Type: 'Map',
  DependencyFor: attribute,
  Dependency: { MapFrom: [condition], MapToAttribute: attribute, MapToProperty: property, MapToValue: value },
});
const when = (attribute: string, operator: string, value: string | number, more: JsonObject = {}) => ({
  MapFromAttribute: attribute,
  MapFromProperty: 'CurrentValue',
  MapFromCondition: operator,
  MapFromValue: value,
  ...more,
});

const attributes: JsonObject[] = [
  choice('SysProfile', ['PerfOptimized', 'Custom']),
  // iDRAC: the registry marks settings that the current profile locks as read-only.
  choice('ProcCStates', ['Enabled', 'Disabled'], { ReadOnly: true, ResetRequired: true }),
  choice('ProcTurboMode', ['Enabled', 'Disabled']),
  {
    AttributeName: 'AcPwrRcvryUserDelay',
    Type: 'Integer',
    LowerBound: 60,
    UpperBound: 600,
    ScalarIncrement: 10,
    ReadOnly: false,
  },
  { AttributeName: 'AssetTag', Type: 'String', MinLength: 0, MaxLength: 8, ValueExpression: '^[A-Z0-9]*$', ReadOnly: false },
  { AttributeName: 'Evil', Type: 'String', ValueExpression: '^(a+)+$', ReadOnly: false },
  { AttributeName: 'Watchdog', Type: 'Boolean', ReadOnly: false },
  { AttributeName: 'SysMemSize', Type: 'String', ReadOnly: true },
  { AttributeName: 'SetupPwd', Type: 'Password', MinLength: 8, ReadOnly: false },
  choice('TpmVisibility', ['Visible', 'Hidden'], { GrayOut: true }),
];
const dependencies: JsonObject[] = [
  lock('ProcCStates', when('SysProfile', 'NEQ', 'Custom')),
  lock('AcPwrRcvryUserDelay', when('ProcTurboMode', 'EQU', 'Disabled'), 'UpperBound', 240),
];
const current: JsonObject = {
  SysProfile: 'PerfOptimized',
  ProcCStates: 'Disabled',
  ProcTurboMode: 'Enabled',
  AcPwrRcvryUserDelay: 60,
  AssetTag: '',
  Evil: 'a',
  Watchdog: false,
  SysMemSize: '768 GB',
  SetupPwd: null,
  TpmVisibility: 'Visible',
  NotInRegistry: 5,
};

/** iDRAC9 layout: settings below Bios, the registry below the system, an ETag, and OnReset as the apply time. */
function resources(change: { bios?: JsonObject; settings?: JsonObject; registry?: JsonObject } = {}): Record<string, JsonObject> {
  return {
    '/redfish/v1/Systems/1': usualSystem,
    [biosPath]: {
      '@odata.type': '#Bios.v1_2_0.Bios',
      AttributeRegistry: 'BiosAttributeRegistry.v1_0_0',
      Attributes: current,
      '@Redfish.Settings': {
        SettingsObject: { '@odata.id': `${biosPath}/Settings` },
        SupportedApplyTimes: ['OnReset', 'Immediate'],
      },
      Actions: { '#Bios.ResetBios': { target: `${biosPath}/Settings/Actions/Bios.ResetBios` } },
      ...change.bios,
    },
    [`${biosPath}/Settings`]: { '@odata.etag': '"7"', Attributes: {}, ...change.settings },
    '/redfish/v1/Registries': collectionOf([
      '/redfish/v1/Registries/Base.1.8.1',
      '/redfish/v1/Registries/BiosAttributeRegistry.v1_0_0',
    ]),
    '/redfish/v1/Registries/BiosAttributeRegistry.v1_0_0': {
      Id: 'BiosAttributeRegistry.v1_0_0',
      Location: [
        { Language: 'zh', Uri: '/redfish/v1/nowhere' },
        { Language: 'en-US', Uri: `${biosPath}/BiosRegistry` },
      ],
    },
    [`${biosPath}/BiosRegistry`]: {
      Id: 'BiosAttributeRegistry',
      RegistryEntries: { Attributes: attributes, Dependencies: dependencies },
      ...change.registry,
    },
  };
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(error instanceof Fault, `a fault, not ${error}`);
  return `${error.code}: ${error.message}`;
}

test('reads the settings with their registry rules', async (t) => {
  const { node, withSystem } = await startRedfishTree(
    t,
    resources({ settings: { Attributes: { ProcTurboMode: 'Disabled', Evil: 'a' } } }),
  );

  const settings = await createRedfishBios(withSystem).readSettings(node);

  const byName = Object.fromEntries(settings.map((setting) => [setting.name, setting]));
  assert.equal(settings.length, 11);
  assert.deepEqual(byName['NotInRegistry'], { name: 'NotInRegistry', value: 5, type: 'Integer' });
  assert.deepEqual(byName['ProcTurboMode'], {
    name: 'ProcTurboMode',
    value: 'Enabled',
    pending: 'Disabled',
    type: 'Enumeration',
    allowable_values: ['Enabled', 'Disabled'],
    read_only: false,
  });
  assert.deepEqual([byName['ProcCStates']?.read_only, byName['ProcCStates']?.reset_required], [true, true]);
  assert.deepEqual([byName['AcPwrRcvryUserDelay']?.lower_bound, byName['AcPwrRcvryUserDelay']?.upper_bound], [60, 240]);
  assert.deepEqual([byName['SetupPwd']?.value, byName['SetupPwd']?.min_length], [null, 8]);
  assert.equal('pending' in (byName['Evil'] ?? {}), false);
});

test('writes changed settings, to be applied at the next boot', async (t) => {
  const { node, withSystem, changes } = await startRedfishTree(t, resources());

  await createRedfishBios(withSystem).applySettings(node, {
    ProcTurboMode: 'Disabled',
    AcPwrRcvryUserDelay: '70',
    Watchdog: 'True',
    AssetTag: '',
  });

  assert.deepEqual(
    changes.map(({ method, path, body, headers }) => [method, path, body, headers['if-match']]),
    [
      [
        'PATCH',
        `${biosPath}/Settings`,
        {
          Attributes: { ProcTurboMode: 'Disabled', AcPwrRcvryUserDelay: 70, Watchdog: true },
          '@Redfish.SettingsApplyTime': { ApplyTime: 'OnReset' },
        },
        '"7"',
      ],
    ],
  );
});

test('writes nothing if nothing changes', async (t) => {
  const { node, withSystem, changes } = await startRedfishTree(
    t,
    resources({ settings: { Attributes: { ProcTurboMode: 'Disabled' } } }),
  );
  const bios = createRedfishBios(withSystem);

  await bios.applySettings(node, { ProcTurboMode: 'Disabled', Watchdog: false });
  assert.equal(changes.length, 0);

  await bios.applySettings(node, { ProcTurboMode: 'Enabled' });
  assert.deepEqual(changes.at(-1)?.body['Attributes'], { ProcTurboMode: 'Enabled' });
});

test('accepts a setting unlocked by the same change, and a grayed-out one', async (t) => {
  const { node, withSystem, changes } = await startRedfishTree(t, resources());
  const bios = createRedfishBios(withSystem);
  assert.match(await refusal(bios.applySettings(node, { ProcCStates: 'Enabled' })), /ProcCStates is read-only/);

  await bios.applySettings(node, { ProcCStates: 'Enabled', SysProfile: 'Custom', TpmVisibility: 'Hidden' });

  assert.deepEqual(changes.at(-1)?.body['Attributes'], { ProcCStates: 'Enabled', SysProfile: 'Custom', TpmVisibility: 'Hidden' });
});

test('reports each invalid setting before anything is sent', async (t) => {
  const { node, withSystem, changes } = await startRedfishTree(t, resources());
  const wrong = {
    ProcCState: 'Enabled',
    ProcTurboMode: 'enabled',
    AcPwrRcvryUserDelay: 65,
    AssetTag: 'abc',
    Watchdog: 1,
    SysMemSize: '1 TB',
    SetupPwd: 'short',
    TpmVisibility: ['Hidden'],
  };

  const reported = await refusal(createRedfishBios(withSystem).applySettings(node, wrong));

  assert.equal(changes.length, 0);
  assert.match(reported, /^badRequest: No BIOS setting of node n1 was changed: /);
  assert.match(reported, /ProcCState is unknown \(did you mean ProcCStates\?\)\./);
  assert.match(reported, /ProcTurboMode must be one of Enabled, Disabled, not "enabled"/);
  assert.match(reported, /AcPwrRcvryUserDelay must be 60 plus a multiple of 10, not 65/);
  assert.match(reported, /AssetTag must fit the expression \^\[A-Z0-9\]\*\$, not "abc"/);
  assert.match(reported, /Watchdog must be true or false, not 1/);
  assert.match(reported, /SysMemSize is read-only/);
  assert.match(reported, /SetupPwd must have at least 8 characters\./);
  assert.match(reported, /TpmVisibility must be text, not \["Hidden"\]/);
  assert.doesNotMatch(reported, /short/);
});

suite('values and bounds', () => {
  const cases: Record<string, [JsonObject, RegExp]> = {
    'too small': [{ AcPwrRcvryUserDelay: 50 }, /must be at least 60, not 50/],
    'too large': [{ AcPwrRcvryUserDelay: 610 }, /must be at most 600, not 610/],
    'no whole number': [{ AcPwrRcvryUserDelay: 70.5 }, /must be a whole number, not 70.5/],
    'a bound that another change lowers': [
      { AcPwrRcvryUserDelay: 300, ProcTurboMode: 'Disabled' },
      /must be at most 240, not 300/,
    ],
    'too long': [{ AssetTag: 'ABCDEFGHI' }, /at most 8 characters/],
  };
  for (const [name, [wrong, expected]] of Object.entries(cases)) {
    test(`refuses ${name}`, async (t) => {
      const { node, withSystem, changes } = await startRedfishTree(t, resources());
      assert.match(await refusal(createRedfishBios(withSystem).applySettings(node, wrong)), expected);
      assert.equal(changes.length, 0);
    });
  }
});

test('does not hang in a regular expression of the service', async (t) => {
  const { node, withSystem, changes } = await startRedfishTree(t, resources());

  await createRedfishBios(withSystem).applySettings(node, { Evil: `${'a'.repeat(40)}b` });

  assert.equal(changes.length, 1);
});

test('always writes a password, and never shows it', async (t) => {
  const { node, withSystem, rules, changes } = await startRedfishTree(t, resources());
  const bios = createRedfishBios(withSystem);
  await bios.applySettings(node, { SetupPwd: 'geheimnis' });
  assert.deepEqual(changes.at(-1)?.body['Attributes'], { SetupPwd: 'geheimnis' });
  rules.set(`PATCH ${biosPath}/Settings`, () => ({
    status: 400,
    body: {
      error: {
        '@Message.ExtendedInfo': [
          { MessageId: 'Base.1.8.PropertyValueNotInList', Message: "The value 'geheimnis' is not in the list." },
        ],
      },
    },
  }));

  const reported = await refusal(bios.applySettings(node, { SetupPwd: 'geheimnis' }));

  assert.match(reported, /^bmcError: .*is not in the list/);
  assert.doesNotMatch(reported, /geheimnis/);
});

test('does not wait for a task that ends at the next boot', async (t) => {
  // iDRAC9: 202 with a Lifecycle Controller job as Location; the job stays 'Scheduled' until the machine boots.
  const job = '/redfish/v1/TaskService/Tasks/JID_1';
  const { node, withSystem, reads } = await startRedfishTree(t, resources(), {
    rules: { [`PATCH ${biosPath}/Settings`]: () => ({ status: 202, headers: { location: job } }) },
  });

  await createRedfishBios(withSystem).applySettings(node, { ProcTurboMode: 'Disabled' });

  assert.equal(reads.includes(job), false);
});

test('reports which settings the service did not accept', async (t) => {
  // DSP0266 section "PATCH (update)": 200 with annotations if some properties were not changed.
  const { node, withSystem } = await startRedfishTree(t, resources(), {
    rules: {
      [`PATCH ${biosPath}/Settings`]: () => ({
        status: 200,
        body: {
          Attributes: {
            'ProcTurboMode@Message.ExtendedInfo': [
              {
                MessageId: 'Base.1.8.PropertyNotWritable',
                Message: 'The property ProcTurboMode is read only.',
                Severity: 'Warning',
              },
            ],
          },
        },
      }),
    },
  });

  const reported = await refusal(
    createRedfishBios(withSystem).applySettings(node, { ProcTurboMode: 'Disabled', Watchdog: true }),
  );

  assert.match(reported, /^bmcError: .*not all of it was taken; ProcTurboMode: The property ProcTurboMode is read only/);
});

test('supports HPE: path case, settings with an ETag, and success reported as a warning', async (t) => {
  // iLO 6, DL380a Gen11: `@odata.id` of Bios is /redfish/v1/systems/1/bios/; registry file path without version prefix.
  const path = '/redfish/v1/systems/1/bios';
  const { node, withSystem, changes } = await startRedfishTree(
    t,
    {
      '/redfish/v1/Systems/1': { ...usualSystem, Bios: { '@odata.id': `${path}/` } },
      [path]: {
        AttributeRegistry: 'BiosAttributeRegistryU58.v1_2_44',
        Attributes: { AcpiHpet: 'Enabled', AdminName: '' },
        '@Redfish.Settings': { SettingsObject: { '@odata.id': `${path}/settings/` }, ETag: 'D9AE0706' },
      },
      [`${path}/settings`]: { '@odata.etag': 'W/"6474"', Attributes: { AcpiHpet: 'Enabled', AdminName: '' } },
      '/redfish/v1/Registries': collectionOf(['/redfish/v1/Registries/BiosAttributeRegistryU58.v1_2_44']),
      '/redfish/v1/Registries/BiosAttributeRegistryU58.v1_2_44': {
        Location: [
          { Language: 'ja', Uri: '/redfish/v1/registrystore/registries/ja/biosattributeregistryu58.v1_2_44' },
          { Language: 'en', Uri: '/redfish/v1/registrystore/registries/en/biosattributeregistryu58.v1_2_44' },
        ],
      },
      '/redfish/v1/registrystore/registries/en/biosattributeregistryu58.v1_2_44': {
        Id: 'BiosAttributeRegistryU58.v1_2_44',
        RegistryEntries: {
          Attributes: [
            choice('AcpiHpet', ['Enabled', 'Disabled']),
            { AttributeName: 'AdminName', Type: 'String', MaxLength: 28 },
          ],
        },
      },
    },
    {
      rules: {
        [`PATCH ${path}/settings`]: () => ({
          status: 200,
          body: {
            error: { code: 'iLO.0.10.ExtendedInfo', '@Message.ExtendedInfo': [{ MessageId: 'iLO.2.24.SystemResetRequired' }] },
          },
        }),
      },
    },
  );

  await createRedfishBios(withSystem).applySettings(node, { AcpiHpet: 'Disabled' });

  assert.deepEqual(
    changes.map(({ body, headers }) => [body, headers['if-match']]),
    [[{ Attributes: { AcpiHpet: 'Disabled' } }, 'W/"6474"']],
  );
});

test('finds a registry with another file name', async (t) => {
  // sushy-tools: Bios names BiosAttributeRegistryP89.v1_0_0; the file BiosAttributeRegistry.v1_0_0 has the right Id.
  const { node, withSystem } = await startRedfishTree(
    t,
    resources({
      bios: { AttributeRegistry: 'BiosAttributeRegistryP89.v1_0_0' },
      registry: { Id: 'BiosAttributeRegistryP89.v1_0_0' },
    }),
  );
  const settings = await createRedfishBios(withSystem).readSettings(node);
  assert.equal(settings.find(({ name }) => name === 'SysMemSize')?.read_only, true);
});

test('rejects a registry of another version', async (t) => {
  const { node, withSystem } = await startRedfishTree(
    t,
    resources({ bios: { AttributeRegistry: 'BiosAttributeRegistry.v2_0_0' }, registry: { Id: 'BiosAttributeRegistry.v1_0_0' } }),
  );
  const settings = await createRedfishBios(withSystem).readSettings(node);
  assert.equal(settings.find(({ name }) => name === 'SysMemSize')?.read_only, undefined);
});

test('uses the existing values without a registry', async (t) => {
  // Lenovo XCC: the settings resource is Bios/Pending and holds settings that Bios lacks.
  const { node, withSystem, changes } = await startRedfishTree(t, {
    '/redfish/v1/Systems/1': usualSystem,
    [biosPath]: {
      Attributes: { Processors_CStates: 'Disable', Memory_Count: 4, Memory_Mirror: false, Odd: null },
      '@Redfish.Settings': { SettingsObject: { '@odata.id': `${biosPath}/Pending` }, SupportedApplyTimes: ['OnReset'] },
    },
    [`${biosPath}/Pending`]: { Attributes: { DevicesandIOPorts_Device_Slot6: 'Enable', Processors_CStates: 'Disable' } },
  });
  const bios = createRedfishBios(withSystem);

  const settings = await bios.readSettings(node);
  const reported = await refusal(bios.applySettings(node, { Memory_Count: 'many', Memory_Miror: true, Processors_CStates: 1 }));
  await bios.applySettings(node, { Memory_Count: '8', Odd: 'x' });

  assert.deepEqual(settings, [
    { name: 'Processors_CStates', value: 'Disable', type: 'String' },
    { name: 'Memory_Count', value: 4, type: 'Integer' },
    { name: 'Memory_Mirror', value: false, type: 'Boolean' },
    { name: 'Odd', value: null },
  ]);
  assert.match(reported, /Memory_Count must be a whole number, not "many"/);
  assert.match(reported, /Memory_Miror is unknown \(did you mean Memory_Mirror\?\)/);
  assert.match(reported, /Processors_CStates must be text, not 1/);
  assert.deepEqual(
    changes.map(({ body }) => body['Attributes']),
    [{ Memory_Count: 8, Odd: 'x' }],
  );
});

test('evaluates terms from left to right, with every comparison', async (t) => {
  // HPE U58: two conditions joined by AND. DSP0268 schema AttributeRegistry: MapTerms left to right.
  const all = [when('A', 'EQU', 'on'), when('B', 'GTR', 5, { MapTerms: 'AND' }), when('C', 'LEQ', 2, { MapTerms: 'OR' })];
  const entry = { Type: 'Map', Dependency: { MapFrom: all, MapToAttribute: 'D', MapToProperty: 'ReadOnly', MapToValue: 'true' } };
  const registry = {
    Id: 'BiosAttributeRegistry',
    RegistryEntries: { Attributes: [{ AttributeName: 'D', Type: 'String' }], Dependencies: [entry] },
  };
  const readOnly = async (Attributes: JsonObject) => {
    const { node, withSystem } = await startRedfishTree(t, resources({ bios: { Attributes }, registry }));
    const settings = await createRedfishBios(withSystem).readSettings(node);
    return settings.find(({ name }) => name === 'D')?.read_only;
  };

  assert.equal(await readOnly({ A: 'on', B: 6, C: 9, D: '' }), true);
  assert.equal(await readOnly({ A: 'off', B: 6, C: 9, D: '' }), false);
  assert.equal(await readOnly({ A: 'off', B: 0, C: 2, D: '' }), true);
});

test('reads a registry once per machine and BIOS version', async (t) => {
  const { node, withSystem, reads, resources: table } = await startRedfishTree(t, resources());
  const bios = createRedfishBios(withSystem);
  const registryReads = () => reads.filter((path) => path.endsWith('/BiosRegistry')).length;
  await bios.readSettings(node);
  await bios.readSettings(node);
  assert.equal(registryReads(), 1);

  table.set('/redfish/v1/Systems/1', { ...usualSystem, BiosVersion: '2.50' });
  await bios.readSettings(node);

  assert.equal(registryReads(), 2);
});

test('resets to defaults, and reports what is missing', async (t) => {
  const { node, withSystem, changes, rules, resources: table } = await startRedfishTree(t, resources());
  const target = `${biosPath}/Settings/Actions/Bios.ResetBios`;
  rules.set(`POST ${target}`, () => ({ status: 200, body: {} }));
  const bios = createRedfishBios(withSystem);

  await bios.factoryReset(node);
  assert.deepEqual(
    changes.map(({ method, path }) => `${method} ${path}`),
    [`POST ${target}`],
  );

  table.set(biosPath, { Attributes: {} });
  assert.match(await refusal(bios.factoryReset(node)), /^unsupportedByHardware: .* does not support resetting BIOS settings/);
  table.delete(biosPath);
  assert.match(await refusal(bios.readSettings(node)), /^unsupportedByHardware: .* does not support BIOS settings/);
});
