/** Log lines written by dnsmasq 2.90. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDnsmasqLine } from './dnsmasq-log.ts';

const mac = '52:54:00:aa:00:01';
const address = '172.31.9.5';

const table: Record<string, unknown> = {
  'dnsmasq-dhcp[16371]: 4202458443 DHCPDISCOVER(br0) 52:54:00:aa:00:01 ': { type: 'DISCOVER', mac, rest: '' },
  'dnsmasq-dhcp[16371]: 4202458443 DHCPDISCOVER(br0) 52:54:00:aa:00:01 ignored': { type: 'DISCOVER', mac, rest: 'ignored' },
  'dnsmasq-dhcp[16371]: 4202458443 DHCPOFFER(br0) 172.31.9.5 52:54:00:aa:00:01 ': { type: 'OFFER', mac, address, rest: '' },
  'dnsmasq-dhcp[16371]: 4202458443 DHCPACK(br0) 172.31.9.5 52:54:00:aa:00:01 web1': { type: 'ACK', mac, address, rest: 'web1' },
  'dnsmasq-dhcp[16371]: 4202458443 DHCPNAK(br0) 172.31.9.5 52:54:00:aa:00:01 static lease available': {
    type: 'NAK',
    mac,
    address,
    rest: 'static lease available',
  },
};

const clientId = 'ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52';
table[`dnsmasq-dhcp[26745]: 4202458443 DHCPACK(br0) 172.31.8.50 ${clientId} web1`] = {
  type: 'ACK',
  mac: clientId,
  address: '172.31.8.50',
  rest: 'web1',
};

for (const [line, expected] of Object.entries(table)) {
  test(line, () =>
    assert.deepEqual(parseDnsmasqLine(line), { kind: 'dhcp', transaction: '4202458443', ...(expected as object) }),
  );
}

test('boot files, transfers, warnings', () => {
  assert.deepEqual(parseDnsmasqLine('dnsmasq-dhcp[1]: 77 bootfile name: pxelinux.0'), {
    kind: 'bootfile',
    transaction: '77',
    file: 'pxelinux.0',
  });
  assert.deepEqual(parseDnsmasqLine('dnsmasq-dhcp[1]: 77 tags: no-loader, known, br0'), {
    kind: 'tags',
    transaction: '77',
    tags: ['no-loader', 'known', 'br0'],
  });
  assert.deepEqual(parseDnsmasqLine('dnsmasq-dhcp[1]: 77 vendor class: PXEClient:Arch:00011:UNDI:003000'), {
    kind: 'vendor',
    transaction: '77',
    vendorClass: 'PXEClient:Arch:00011:UNDI:003000',
  });
  assert.deepEqual(parseDnsmasqLine('dnsmasq-tftp[1]: sent /srv/my files/hello to 172.31.9.5'), {
    kind: 'tftp',
    outcome: 'sent',
    address,
    path: '/srv/my files/hello',
  });
  assert.deepEqual(parseDnsmasqLine('dnsmasq-tftp[1]: file /srv/nothere not found for 172.31.9.5'), {
    kind: 'tftp',
    outcome: 'missing',
    address,
    path: '/srv/nothere',
  });
  assert.deepEqual(parseDnsmasqLine('dnsmasq-tftp[1]: error 0 TFTP Aborted received from 172.31.9.5'), {
    kind: 'tftp error',
    address,
    detail: '0 TFTP Aborted',
  });
  assert.deepEqual(parseDnsmasqLine('dnsmasq-dhcp[1]: 77 user class: iPXE'), {
    kind: 'user class',
    transaction: '77',
    userClass: 'iPXE',
  });
});

const warnings: Readonly<Record<string, object>> = {
  'not using configured address 172.31.9.5 because it is leased to 52:54:00:aa:00:01': { address },
  'not using configured address 172.31.9.5 because it is in use by the server or relay': { address },
  'not using configured address 172.31.9.5 because it was previously declined': { address },
  'disabling DHCP static address 172.31.9.5 for 10m': { address },
  'Error sending DHCP packet to 172.31.9.5: Operation not permitted': { address },
  'unsupported request from 172.31.9.5': { address },
  'no address range available for DHCP request via br0': {},
  'DHCP packet received on br0 which has no address': {},
  'unable to get free port for TFTP': {},
  'cannot access /srv/tftp/server-1/deploy_kernel: Permission denied': { path: '/srv/tftp/server-1/deploy_kernel' },
  'cannot read /srv/tftp/server-1/deploy_kernel: Input/output error': { path: '/srv/tftp/server-1/deploy_kernel' },
};

for (const [message, about] of Object.entries(warnings)) {
  test(`a complaint: ${message}`, () =>
    assert.deepEqual(parseDnsmasqLine(`dnsmasq-dhcp[1]: ${message}`), { kind: 'warning', message, ...about }));
}

test('ignores lines that concern no machine', () => {
  for (const text of ['started, version 2.90 DNS disabled', '42 sent size:  4 option: 54 server-identifier  172.31.9.1', ''])
    assert.equal(parseDnsmasqLine(`dnsmasq-dhcp[1]: ${text}`), undefined);
});
