import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eui64Address } from './eui64.ts';
import { parseCidr } from './ip-addresses.ts';

test('the interface identifier of a MAC is that of the RFC', () => {
  // RFC 4291, appendix A, and the documentation of oslo.utils (`get_ipv6_addr_by_EUI64`).
  assert.equal(eui64Address(parseCidr('2001:db8::/64')!, '34:56:78:9a:bc:de'), '2001:db8::3656:78ff:fe9a:bcde');
  assert.equal(eui64Address(parseCidr('2001:db8::/64')!, '00:16:3e:33:44:55'), '2001:db8::216:3eff:fe33:4455');
});
