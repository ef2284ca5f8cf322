/** Filters, pagination, sorting and fields in the queries of all lists and single reads, in many versions. */
import { openFullApi, strangeQueries } from './api-requests.ts';
import { pick, type Roll } from './dice.ts';
import { judgeReply } from './http-bodies.ts';
import { mutateBytes } from './mutations.ts';
import type { Target } from './target.ts';

const names = [
  ...['limit', 'marker', 'sort_key', 'sort_dir', 'fields', 'detail', 'page_reverse', 'all_tenants', 'deleted', 'tags'],
  ...['name', 'status', 'ip', 'ip6', 'flavor', 'image', 'host', 'node', 'changes-since', 'changes-before', 'locked', 'hostname'],
  ...['shard', 'sharded', 'parent_node', 'include_children', 'instance_name', 'instance_uuid', 'description_contains', 'driver'],
  ...['provision_state', 'maintenance', 'associated', 'resource_class', 'owner', 'fault', 'conductor_groups', 'conductor_group'],
  ...['address', 'node_uuid', 'portgroup', 'fixed_ips', 'mac_address', 'device_id', 'network_id', 'binding:host_id', 'id'],
  ...['hypervisor_hostname_pattern', 'with_servers', 'start', 'end', 'detailed', 'device_types', 'addresses', 'type'],
  ...['constructor', 'toString', 'hasOwnProperty', '__proto__', 'valueOf', ''],
];
const values = [
  ...['1', '0', '-1', '1e9', '99999999999999999999', 'x', '', 'true', 'false', 'None', 'null', 'asc', 'desc', 'n1', 's'],
  ...[
    'id',
    'uuid',
    'name',
    'created_at',
    'updated_at',
    'provision_state',
    'shard',
    'description',
    'properties',
    'address',
    'links',
  ],
  ...[
    'toString',
    'constructor',
    '__proto__',
    'id,name',
    'uuid,shard,parent_node,instance_name',
    ',',
    'a,,b',
    '%00',
    '%25',
    '%5F%5F',
  ],
  ...["'", '%27%20OR%201=1--', '*', '%', '^.*$', '(a%2B)%2B$', '2020-01-01T00:00:00Z', '2020-01-01', '9999999-01-01T00:00:00Z'],
  ...['ip_address=10.1.0.30', 'ip_address_substr=10', 'subnet_id=x', '10.1.0.30', '::1', 'aa:bb:cc:00:00:01', 'ACTIVE', 'active'],
  ...['ingot', 'cdrom', 'cdrom,floppy', '00000000-0000-0000-0000-000000000000', 'x'.repeat(3_000), '%E2%82%AC', '%ff', '+'],
];
const versions = ['1.115', 'latest', '1.109', '1.101', '1.93', '1.82', '1.46', '1.1', '1.9999', 'x'];
const computeVersions = ['2.1', '2.90', '2.37', '2.100', 'latest', 'x'];
const mostParts = 5;

function queryOf(roll: Roll): string {
  if (roll(30) === 0) return pick(strangeQueries, roll);
  const parts = Array.from(
    { length: roll(mostParts) },
    () => `${pick(names, roll)}${roll(4) === 0 ? '[]' : ''}=${pick(values, roll)}`,
  );
  return roll(200) === 0 ? parts.join('&').repeat(20) : parts.join('&');
}

/** An input is the two versions and the URL, one per line. */
export const apiQueryTarget: Target = {
  ...{ name: 'public api, queries', share: 3, slowMs: 1_500, grows: true },
  async open() {
    const { fixture, readTable } = await openFullApi();
    return {
      make(roll) {
        const url = `${pick(readTable, roll)}?${queryOf(roll)}`;
        const text = roll(15) === 0 ? mutateBytes(Buffer.from(url), roll).toString('latin1') : url;
        return Buffer.from([pick(versions, roll), pick(computeVersions, roll), text].join('\n'), 'latin1');
      },
      async feed(input) {
        const [version = '', computeVersion = '', ...rest] = input.toString('latin1').split('\n');
        // Characters that no client can send in a request line.
        const url = `/${rest.join('').replace(/[^!-~]/g, '')}`.replace(/^\/+/, '/');
        const headers = { 'x-openstack-ironic-api-version': version, 'x-openstack-nova-api-version': computeVersion };
        const { status, body } = await fixture.ask({ url, headers });
        return judgeReply(`GET ${url}`, status, body);
      },
      close: () => fixture.close(),
    };
  },
};
