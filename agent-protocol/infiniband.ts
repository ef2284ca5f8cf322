/**
 * Addresses of InfiniBand ports, which are longer than six bytes. Boot firmware, Ironic and cloud-init identify such a
 * port by an Ethernet form of its GUID: six bytes, without the two in the middle. Node ports and boot plans here do the
 * same.
 */

/** Queue pair number and GID (RFC 4391, 9.1.1), whose last eight bytes are the GUID. */
const addressBytes = 20;
const guidBytes = 8;

export function isInfiniband(address: string): boolean {
  return bytesOf(address).length === addressBytes;
}

/**
 * @param address of an InfiniBand port, or its GUID, or its DHCP client id, which also ends with the GUID
 * @returns the address itself if it is none of those
 */
export function ethernetForm(address: string): string {
  const bytes = bytesOf(address);
  if (bytes.length !== addressBytes && bytes.length !== guidBytes) return address;
  const guid = bytes.slice(-guidBytes);
  return [...guid.slice(0, 3), ...guid.slice(5)].join(':').toLowerCase();
}

/** @returns the GUID at the end of the client id, if `mac` is its Ethernet form */
export function guidOf(clientId: string, mac: string): string | undefined {
  const guid = bytesOf(clientId).slice(-guidBytes).join(':').toLowerCase();
  return guid !== '' && guid !== mac && ethernetForm(guid) === mac ? guid : undefined;
}

/** Client id of Mellanox firmware in DHCP requests: the vendor's prefix, then the GUID. */
export function mellanoxClientId(address: string): string {
  return ['ff:00:00:00:00:00:02:00:00:02:c9:00', ...bytesOf(address).slice(-guidBytes)].join(':').toLowerCase();
}

function bytesOf(address: string): string[] {
  return /^[0-9a-f]{2}([:-][0-9a-f]{2})*$/i.test(address) ? address.split(/[:-]/) : [];
}
