/** Debian's openstacksdk as used by Ansible's modules: a second run finds existing resources unchanged. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { aSharedIngot } from './whole-ingot.ts';

const python = '/usr/bin/python3';
const skip =
  spawnSync(python, ['-c', 'import openstack']).status === 0 ? false : 'there is no openstacksdk (apt: python3-openstackclient)';
const ingot = aSharedIngot((directory) => writeFile(join(directory, 'image'), Buffer.alloc(1_048_576, 1)));

/** A server with all defaults of `os_server`: `auto_ip`, and the group `default`. */
const program = `
import json, sys
import openstack

cloud = openstack.connect()
flavor = cloud.create_flavor("metal", ram=1024, vcpus=1, disk=1)
node = cloud.register_machine(
    [{"mac": "52:54:00:AA:BB:01"}], driver="fake-hardware", name="one.json", wait=True, timeout=60,
    properties={"cpus": 2, "memory_mb": 2048, "local_gb": 20, "cpu_arch": "x86_64"},
)
image = cloud.create_image("img", filename=sys.argv[1], disk_format="raw", container_format="bare", wait=True)
network = cloud.create_network("net")
cloud.create_subnet("net", cidr="10.8.0.0/24", subnet_name="sub")
wanted = dict(
    image="img", flavor="metal", network="net", security_groups=["default"], auto_ip=True, wait=True, timeout=60,
)
made = cloud.create_server("web", **wanted)

found = cloud.get_server("web")
groups = {group["name"] for group in found.security_groups}
by_mac = cloud.get_machine_by_mac("52:54:00:aa:bb:01")
print(json.dumps({
    "status": made.status,
    "groups": sorted(groups),
    "listed": [group["name"] for group in cloud.list_server_security_groups(found)],
    "address": found.interface_ip,
    "floating": len(cloud.list_floating_ips()),
    "node": by_mac.name,
    "quota": cloud.get_network_quotas("admin", details=True).networks["used"],
}))
cloud.delete_server("web", wait=True, timeout=60, delete_ips=True)
`;

test('finds nothing to change on an existing server, and adds no floating IP', { skip }, async () => {
  const args = ['-W', 'ignore', '-c', program, join(ingot.directory, 'image')];
  const { OS_COMPUTE_API_VERSION: _, OS_BAREMETAL_API_VERSION: __, ...env } = ingot.env;

  const { stdout } = await promisify(execFile)(python, args, { env: { ...env, OS_REGION_NAME: 'RegionOne' } });

  assert.deepEqual(JSON.parse(stdout), {
    status: 'ACTIVE',
    groups: ['default'],
    listed: ['default'],
    address: '10.8.0.2',
    floating: 0,
    node: 'one.json',
    quota: 1,
  });
});
