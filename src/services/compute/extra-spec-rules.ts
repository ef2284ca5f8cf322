/**
 * Validates a flavor's extra specs: those namespaces that Nova validates since 2.86 (nova/api/validation/extra_specs)
 * and that apply to bare metal. As in Nova, keys without a namespace or with an unknown one are accepted.
 */
import { Fault } from '#domain/faults.ts';

type Rule = { readonly key: RegExp; readonly value: RegExp; readonly expected: string };

const group = '[a-zA-Z0-9_-]{0,64}';
/** os_resource_classes.STANDARDS. */
const resourceClasses = [
  'VCPU',
  'MEMORY_MB',
  'DISK_GB',
  'PCI_DEVICE',
  'SRIOV_NET_VF',
  'NUMA_SOCKET',
  'NUMA_CORE',
  'NUMA_THREAD',
  'NUMA_MEMORY_MB',
  'IPV4_ADDRESS',
  'VGPU',
  'VGPU_DISPLAY_HEAD',
  'NET_BW_EGR_KILOBIT_PER_SEC',
  'NET_BW_IGR_KILOBIT_PER_SEC',
  'PCPU',
  'MEM_ENCRYPTION_CONTEXT',
  'FPGA',
  'PGPU',
  'NET_PACKET_RATE_KILOPACKET_PER_SEC',
  'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC',
  'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
];

const ruleTable: readonly Rule[] = [
  {
    key: new RegExp(`^resources${group}:(${resourceClasses.join('|')}|CUSTOM_[A-Z0-9_]+)$`),
    value: /^\d{1,10}$/,
    expected: 'a whole number',
  },
  { key: new RegExp(`^trait${group}:[A-Z0-9_]+$`), value: /^(required|forbidden)$/, expected: "'required' or 'forbidden'" },
  { key: /^capabilities(:[^:]+)+$/, value: /\S/, expected: 'text' },
];

/** Namespaces whose keys must be in the table. */
const namespaces: readonly RegExp[] = [new RegExp(`^resources${group}$`), new RegExp(`^trait${group}$`), /^capabilities$/];

/**
 * Rejects, at every microversion, keys that no scheduler would read: the `openstack` client requests an old one.
 * @throws Fault `badRequest` that names the key
 */
export function refuseMiscased(key: string): void {
  const [namespace = '', ...rest] = key.split(':');
  const lower = namespace.trim().toLowerCase();
  if (rest.length === 0 || namespace === lower || !isChecked(lower)) return;
  throw new Fault('badRequest', {
    detail: `Extra spec '${key}' would be ignored: write '${lower}:' in lower case, without blanks.`,
  });
}

/** @throws Fault `badRequest` that names the key */
export function checkExtraSpec(key: string, value: string): void {
  const invalid = (detail: string) => new Fault('badRequest', { detail: `Validation failed; extra spec '${key}' ${detail}.` });
  const rule = ruleTable.find((row) => row.key.test(key));
  if (rule?.value.test(value)) return;
  if (rule) throw invalid(`must be ${rule.expected}, not '${value.slice(0, 60)}'`);
  const [namespace = '', ...rest] = key.split(':');
  if (rest.length > 0 && isChecked(namespace)) throw invalid('does not appear to be a valid extra spec');
}

function isChecked(namespace: string): boolean {
  return namespaces.some((pattern) => pattern.test(namespace));
}
