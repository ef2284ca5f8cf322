/**
 * The requests of Metal3's operator, in its order and with its fields, as read in its source (pkg/provisioner/ironic and
 * pkg/hardwareutils/bmc of baremetal-operator, August 2026): a host from its registration to its removal. The operator itself cannot
 * be built from Debian's packages.
 */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { aWebServer } from '#test/a-web-server.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Json = Record<string, unknown>;
type Reply = { readonly status: number; readonly body: Json };
type Node = Json & {
  readonly uuid: string;
  readonly provision_state: string;
  readonly power_state: string;
  readonly target_power_state: string | null;
  readonly last_error: string | null;
  readonly instance_info: Json;
};

const maxWaitMs = 30_000;
/** Longer than an operation of fake hardware, shorter than the operator's three seconds. */
const retryMs = 50;

const disk = Buffer.alloc(1024 ** 2, 'disk');
const sha256 = createHash('sha256').update(disk).digest('hex');
const web = await aWebServer({ '/disk.img': (_, reply) => void reply.end(disk) });
after(() => web.close());
const ingot = aSharedIngot(undefined, { 'images.fetch_addresses': '127.0.0.1' });

/** The operator's client: HTTP basic authentication, one version in two headers, an endpoint that ends with a slash. */
async function ask(method: string, path: string, body?: unknown, version = '1.110'): Promise<Reply> {
  const reply = await fetch(new URL(`/baremetal/v1/${path}`, ingot.env['OS_AUTH_URL']), {
    method,
    headers: {
      authorization: `Basic ${Buffer.from('admin:pw').toString('base64')}`,
      'x-openstack-ironic-api-version': version,
      'openstack-api-version': `baremetal ${version}`,
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  return { status: reply.status, body: text === '' ? {} : (JSON.parse(text) as Json) };
}

/** A request that must have this status; one that finds the node locked is sent again, as the operator does. */
async function must(status: number, ...request: Parameters<typeof ask>): Promise<Json> {
  const deadline = Date.now() + maxWaitMs;
  for (;;) {
    const reply = await ask(...request);
    if (reply.status === 409 && status !== 409 && Date.now() < deadline) {
      await pause(retryMs);
      continue;
    }
    assert.equal(reply.status, status, `${request[0]} ${request[1]}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  }
}

class Host {
  readonly name: string;
  readonly mac: string;
  readonly uid = randomUUID();
  uuid = '';

  constructor(name: string, mac: string) {
    this.name = name;
    this.mac = mac;
  }

  /** Looked for by name in two spellings and by MAC, then created with a port, and made manageable. */
  async register(fields: Json = {}): Promise<void> {
    await must(404, 'GET', `nodes/metal3~${this.name}`);
    await must(404, 'GET', `nodes/${this.name}`);
    const known = await must(200, 'GET', `ports?address=${encodeURIComponent(this.mac)}&fields=node_uuid%2Cuuid%2Caddress`);
    assert.deepEqual(known['ports'], []);
    const created = await must(201, 'POST', 'nodes', {
      driver: 'fake-hardware',
      name: `metal3~${this.name}`,
      driver_info: { fake_delay_ms: '1' },
      inspect_interface: 'agent',
      raid_interface: 'no-raid',
      disable_power_off: false,
      properties: { capabilities: 'boot_mode:uefi', cpu_arch: '' },
      ...fields,
    });
    this.uuid = String(created['uuid']);
    const ports = await must(200, 'GET', `ports?node_uuid=${this.uuid}&fields=node_uuid%2Cuuid%2Caddress`);
    assert.deepEqual(ports['ports'], []);
    await must(201, 'POST', 'ports', { node_uuid: this.uuid, address: this.mac, pxe_enabled: true });
    await this.provision('manage');
    await this.until('manageable');
    await this.configure();
  }

  /** What the operator writes at each pass, if it differs. */
  async configure(): Promise<void> {
    await this.patch(
      add('driver_info/deploy_kernel', 'http://172.22.0.1:6180/images/ironic-python-agent.kernel'),
      add('driver_info/deploy_ramdisk', 'http://172.22.0.1:6180/images/ironic-python-agent.initramfs'),
      add('automated_clean', true),
      add('properties/capabilities', 'boot_mode:uefi'),
      add('properties/cpu_arch', 'x86_64'),
    );
  }

  /** `available` with an image by URL, and from there `active`. */
  async deploy(): Promise<void> {
    await this.provision('provide');
    await this.until('available');
    await this.patch(
      add('instance_uuid', this.uid),
      add('instance_info/capabilities', {}),
      add('instance_info/root_device', { name: 's== /dev/sda' }),
      add('instance_info/image_source', `${web.url}/disk.img`),
      add('instance_info/image_disk_format', 'raw'),
      add('instance_info/image_os_hash_algo', 'sha256'),
      add('instance_info/image_os_hash_value', sha256),
      add('driver_info/force_persistent_boot_device', 'Default'),
    );
    const validated = await must(200, 'GET', `nodes/${this.uuid}/validate`);
    for (const kind of ['boot', 'deploy']) assert.deepEqual(validated[kind], { result: true });
    const meta = { uuid: this.uid, 'metal3-namespace': 'metal3', 'metal3-name': this.name, local_hostname: this.name };
    await this.provision('active', {
      configdrive: { meta_data: meta, network_data: { links: [], networks: [], services: [] }, user_data: '#cloud-config\n' },
    });
    await this.until('active');
  }

  provision(target: string, more: Json = {}): Promise<Json> {
    return must(202, 'PUT', `nodes/${this.uuid}/states/provision`, { target, ...more });
  }

  async patch(...operations: readonly Json[]): Promise<Node> {
    return (await must(200, 'PATCH', `nodes/${this.uuid}`, operations)) as Node;
  }

  async power(target: string, more: Json = {}): Promise<void> {
    await must(202, 'PUT', `nodes/${this.uuid}/states/power`, { target, ...more });
    await this.untilNode(({ target_power_state }) => target_power_state === null);
  }

  async show(): Promise<Node> {
    return (await must(200, 'GET', `nodes/${this.uuid}`)) as Node;
  }

  until(state: string): Promise<Node> {
    return this.untilNode(({ provision_state, last_error }) => {
      assert.ok(!/failed|error/.test(provision_state), `${provision_state}: ${last_error}`);
      return provision_state === state;
    });
  }

  async untilNode(holds: (node: Node) => boolean): Promise<Node> {
    const deadline = Date.now() + maxWaitMs;
    for (;;) {
      const node = await this.show();
      if (holds(node)) return node;
      assert.ok(Date.now() < deadline, `still ${node.provision_state}: ${JSON.stringify(node)}`);
      await pause(retryMs);
    }
  }
}

const add = (path: string, value: unknown) => ({ op: 'add', path: `/${path}`, value });
const remove = (path: string) => ({ op: 'remove', path: `/${path}` });

test('the operator finds a version that has all it asks for', async () => {
  const { version } = (await must(200, 'GET', '')) as { version: { min_version: string; version: string } };

  const [, newest] = version.version.split('.').map(Number);
  assert.ok(version.min_version === '1.1' && Number(newest) >= 110, JSON.stringify(version));
});

test('a host is registered, prepared, provisioned, switched, serviced, deprovisioned and removed', async () => {
  const host = new Host('host-0', '00:0e:92:00:00:01');
  await host.register();
  await must(409, 'POST', 'nodes', { driver: 'fake-hardware', name: 'metal3~host-0' });

  const { bios } = (await must(200, 'GET', `nodes/${host.uuid}/bios?detail=true`)) as { bios: Json[] };
  const settings = Object.fromEntries(bios.map(({ name, value }) => [name, value]));
  assert.ok(
    bios.every(({ value }) => value === null || typeof value === 'string'),
    'the operator reads texts',
  );
  assert.deepEqual(
    [settings['ProcVirtualization'], settings['BootRetryCount'], settings['ProcHyperthreading']],
    [...['Enabled', '3', 'True']],
  );
  const types = Object.fromEntries(bios.map(({ name, attribute_type }) => [name, attribute_type]));
  assert.deepEqual([types['ProcVirtualization'], types['BootRetryCount']], ['Enumeration', 'Integer']);
  const { firmware } = (await must(200, 'GET', `nodes/${host.uuid}/firmware`)) as { firmware: Json[] };
  assert.ok(firmware.some(({ component, initial_version }) => component === 'bmc' && typeof initial_version === 'string'));

  const changed = {
    settings: [
      { name: 'ProcVirtualization', value: 'Disabled' },
      { name: 'BootRetryCount', value: 5 },
      { name: 'ProcHyperthreading', value: 'False' },
    ],
  };
  const update = { settings: [{ component: 'bios', url: 'http://192.0.2.200/bios-2.2.0.bin' }] };
  await host.provision('clean', {
    clean_steps: [
      { interface: 'bios', step: 'apply_configuration', args: changed },
      { interface: 'firmware', step: 'update', args: update },
    ],
  });
  await host.until('manageable');
  const prepared = (await must(200, 'GET', `nodes/${host.uuid}/bios`)) as { bios: Json[] };
  const applied = Object.fromEntries(prepared.bios.map(({ name, value }) => [name, value]));
  assert.deepEqual(
    [applied['ProcVirtualization'], applied['BootRetryCount'], applied['ProcHyperthreading']],
    [...['Disabled', '5', 'False']],
  );

  const busy = await must(200, 'GET', 'nodes?fields=uuid%2Cname%2Cprovision_state%2Cboot_interface');
  assert.deepEqual(Object.keys((busy['nodes'] as Json[])[0] ?? {}).sort(), [
    ...['boot_interface', 'links', 'name', 'provision_state', 'uuid'],
  ]);

  await host.deploy();
  const active = await host.show();
  assert.deepEqual([active.power_state, active['instance_uuid'], active['fault']], ['power on', host.uid, null]);
  assert.equal(active.instance_info['image_os_hash_value'], sha256);
  assert.ok('health' in active, 'shown since 1.109');
  await host.configure();

  await host.power('soft power off', { timeout: 180 });
  assert.equal((await host.show()).power_state, 'power off');
  await host.power('power on');
  assert.equal((await host.show()).power_state, 'power on');

  await must(200, 'GET', `nodes/${host.uuid}/vmedia`);
  await must(204, 'POST', `nodes/${host.uuid}/vmedia`, { device_type: 'cdrom', image_url: 'http://192.0.2.1/data.iso' });
  const media = (await must(200, 'GET', `nodes/${host.uuid}/vmedia`)) as unknown as Json[];
  assert.ok(media.some(({ inserted, image }) => inserted === true && image === 'http://192.0.2.1/data.iso'));
  await must(204, 'DELETE', `nodes/${host.uuid}/vmedia?device_types=cdrom`);

  const back = { settings: [{ name: 'ProcVirtualization', value: 'Enabled' }] };
  await host.provision('service', { service_steps: [{ interface: 'bios', step: 'apply_configuration', args: back }] });
  await host.until('active');

  await host.patch(add('automated_clean', false));
  await host.provision('deleted');
  await host.until('available');
  const free = await host.show();
  assert.deepEqual([free.instance_info, free['instance_uuid']], [{}, null]);
  await must(204, 'DELETE', `nodes/${host.uuid}`);
  await must(404, 'GET', `nodes/${host.uuid}`);
});

test('a host that was installed before is adopted, rebooted without being off, and forgotten as it runs', async () => {
  const host = new Host('host-1', '00:0e:92:00:00:02');
  await host.register({ disable_power_off: true });

  await host.provision('adopt');
  await host.until('active');
  await host.power('soft rebooting', { timeout: 180 });
  await must(202, 'PUT', `nodes/${host.uuid}/maintenance`, { reason: 'forcing deletion in baremetal-operator' });
  await must(204, 'DELETE', `nodes/${host.uuid}`);

  await must(404, 'GET', `nodes/${host.uuid}`);
});

test('a deployment that failed is shown with its reason, and another image is taken without a way back', async () => {
  const host = new Host('host-2', '00:0e:92:00:00:03');
  await host.register();
  await host.provision('provide');
  await host.until('available');
  await host.patch(
    add('instance_uuid', host.uid),
    add('instance_info/image_source', `${web.url}/disk.img`),
    add('instance_info/image_checksum', 'ab'.repeat(16)),
  );
  await host.provision('active', { configdrive: { meta_data: { uuid: host.uid } } });
  const failed = await host.untilNode(({ provision_state }) => provision_state === 'deploy failed');
  assert.match(String(failed.last_error), /checksum|validation/i);

  await host.patch(
    add('instance_info/image_os_hash_algo', 'sha256'),
    add('instance_info/image_os_hash_value', sha256),
    remove('instance_info/image_checksum'),
  );
  await host.provision('active', { configdrive: { meta_data: { uuid: host.uid } } });
  await host.untilNode(({ provision_state }) => provision_state === 'active');

  await must(202, 'PUT', `nodes/${host.uuid}/maintenance`, { reason: 'forcing deletion in baremetal-operator' });
  await must(204, 'DELETE', `nodes/${host.uuid}`);
});

/** By the operator's schemes of BMC addresses: `ipmi://`, `redfish://`, `idrac-redfish://`. */
const bmcs: readonly Json[] = [
  {
    driver: 'ipmi',
    boot_interface: 'ipxe',
    driver_info: {
      ...{ ipmi_address: '192.0.2.9', ipmi_port: '6230', ipmi_username: 'root', ipmi_password: 'calvin' },
      ...{ ipmi_priv_level: 'ADMINISTRATOR', ipmi_verify_ca: false },
    },
  },
  {
    driver: 'redfish',
    boot_interface: 'ipxe',
    firmware_interface: 'redfish',
    driver_info: {
      ...{ redfish_address: 'https://192.0.2.10', redfish_system_id: '/redfish/v1/Systems/1', redfish_verify_ca: false },
      ...{ redfish_username: 'root', redfish_password: 'calvin' },
    },
  },
  {
    driver: 'idrac',
    boot_interface: 'ipxe',
    firmware_interface: 'redfish',
    ...{ bios_interface: 'idrac-redfish', vendor_interface: 'idrac-redfish' },
    ...{ management_interface: 'idrac-redfish', power_interface: 'idrac-redfish' },
    driver_info: {
      ...{ redfish_address: 'https://192.0.2.11', redfish_system_id: '/redfish/v1/Systems/System.Embedded.1' },
      ...{ redfish_username: 'root', redfish_password: 'calvin', redfish_verify_ca: false },
    },
  },
];

test('the drivers of its BMC addresses are taken with their fields, and changed at once with new credentials', async () => {
  for (const [index, fields] of bmcs.entries()) {
    const name = `metal3~bmc-${index}`;
    const properties = { capabilities: 'boot_mode:uefi', cpu_arch: '' };
    const more = { inspect_interface: 'agent', disable_power_off: false, properties };
    const { uuid } = await must(201, 'POST', 'nodes', { name, ...more, ...fields });
    const info = fields['driver_info'] as Json;
    const changed = await must(200, 'PATCH', `nodes/${uuid}`, [add('driver_info', { ...info, external_http_url: null })]);
    assert.equal((changed['driver_info'] as Json)['redfish_password'] ?? '******', '******');
    await must(204, 'DELETE', `nodes/${uuid}`);
  }
});
