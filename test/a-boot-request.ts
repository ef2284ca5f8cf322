/** A request for boot files, as the engine creates it for a server. */
import { classicDisks, classicParameters } from '#agent-protocol/classic.ts';
import { kernelParameters } from '#agent-protocol/routes.ts';
import type { BootRequest, NodeFacts } from '#drivers/interfaces.ts';

export const aBootNode: NodeFacts = {
  id: 7,
  uuid: 'b9c2f0a4-4a0e-4f5e-9b1c-1f6f4d7c0a11',
  name: 'rack1-u7',
  driver: 'ipmi',
  driver_info: {},
  properties: {},
  extra: {},
  power_state: 'power off',
  ports: [
    {
      id: 1,
      uuid: '5a7d0c1e-0b3f-4a0c-8d55-6b8d1f0f3c21',
      node_uuid: 'b9c2f0a4-4a0e-4f5e-9b1c-1f6f4d7c0a11',
      address: '52:54:00:00:00:07',
      name: null,
      description: null,
      vendor: null,
      category: null,
      pxe_enabled: true,
      available_for_dynamic_portgroup: true,
      local_link_connection: {},
      extra: {},
      vif_port_id: null,
      portgroup_uuid: null,
      physical_network: null,
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:00.000Z',
    },
  ],
};

export const classicRequestParameters = {
  [classicParameters.troubleshoot]: '0',
  [kernelParameters.token]: '0c5c7d6e-6f0e-4a3a-9f5d-000000000007.c2VjcmV0',
  [kernelParameters.url]: 'http://172.30.0.1:8088',
  [kernelParameters.secureUrl]: 'https://172.30.0.1:8089',
  [kernelParameters.certificate]: 'c0ffee'.padEnd(64, '0'),
  [classicParameters.deploymentKey]: '0123456789abcdef0123456789abcdef',
  [classicParameters.deploymentId]: '7',
  [classicParameters.iqn]: 'iqn.2012-12.org.ingot:3f1a5f60-5d1e-4a34-8a05-3d1f0a6b2c77',
  [classicParameters.disk]: classicDisks,
  selinux: '0',
};

export function aBootRequest(changes: Partial<BootRequest> = {}): BootRequest {
  return {
    node: aBootNode,
    folder: '3f1a5f60-5d1e-4a34-8a05-3d1f0a6b2c77',
    macs: [{ mac: '52:54:00:00:00:07', address: '172.30.0.50', hostname: 'web1' }],
    addresses: { http_url: 'http://172.30.0.1:8088', tftp_address: '172.30.0.1' },
    deploy: { kernel: '/images/deploy.vmlinuz', ramdisk: '/images/deploy.initrd', parameters: classicRequestParameters },
    instance: { kernel: '/images/user.vmlinuz', ramdisk: '/images/user.initrd' },
    boot: 'deploy',
    append: 'nofb nomodeset vga=normal',
    ...changes,
  };
}

export const aRoot = 'UUID=8d2cbb7e-5a6f-4c1c-9d0f-3f6f0e9b7a42';
