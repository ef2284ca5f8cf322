/** The capabilities that an instance asks for, by which Nova passes those of its flavor. Unknown ones only describe. */
import { Fault } from '#domain/faults.ts';
import type { Node } from '#store/tables/nodes.ts';

type Capability = {
  readonly values: readonly string[];
  /** A value that would need what Ingot does not do. */
  readonly isUnsupported: (value: string, node: Node) => boolean;
};

/** Ironic's values. `boot_option` is accepted and has no effect, as in Ironic: the image decides how it boots. */
const capabilityTable: Readonly<Record<string, Capability>> = {
  boot_option: {
    values: ['local', 'netboot', 'ramdisk', 'kickstart'],
    isUnsupported: (value) => !/^(local|netboot)$/.test(value),
  },
  boot_mode: {
    values: ['bios', 'uefi'],
    isUnsupported: (value, node) => (bootModeOf(node) ?? value) !== value,
  },
  secure_boot: { values: ['true', 'false'], isUnsupported: (value) => value === 'true' },
  disk_label: {
    values: ['msdos', 'gpt'],
    isUnsupported: (value, { instance_info }) => value === 'gpt' && Boolean(instance_info['kernel']),
  },
};

/** @throws Fault `badRequest` for values that Ironic does not know, `unsupported` for others that have no effect here */
export function refuseCapabilities(node: Node): void {
  const capabilities = capabilitiesOf(node);
  for (const [name, { values, isUnsupported }] of Object.entries(capabilityTable)) {
    if (!Object.hasOwn(capabilities, name)) continue;
    const value = String(capabilities[name]).toLowerCase();
    if (!values.includes(value)) throw invalid(name, value, values);
    if (isUnsupported(value, node)) throw new Fault('unsupported', { what: `instance_info.capabilities with ${name}:${value}` });
  }
}

function invalid(name: string, value: string, values: readonly string[]): Fault {
  return new Fault('badRequest', {
    detail: `The parameter '${name}' from instance_info['capabilities'] has an invalid value: '${value.slice(0, 100)}'. Acceptable values are: ${values.join(', ')}.`,
  });
}

function capabilitiesOf({ uuid, instance_info }: Node): Readonly<Record<string, unknown>> {
  const capabilities = instance_info['capabilities'] || {};
  const read = typeof capabilities === 'string' ? parsed(capabilities) : capabilities;
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read as Record<string, unknown>;
  throw new Fault('badRequest', {
    detail: `Error parsing capabilities from Node ${uuid} instance_info field. A dictionary or a "jsonified" dictionary is expected.`,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As the operator set it, or the BMC reports it. */
function bootModeOf({ properties, boot_mode }: Node): string | undefined {
  const { capabilities } = properties;
  const set = typeof capabilities === 'string' ? /(?:^|,)\s*boot_mode:(bios|uefi)\s*(?:,|$)/.exec(capabilities)?.[1] : undefined;
  return set ?? boot_mode ?? undefined;
}
