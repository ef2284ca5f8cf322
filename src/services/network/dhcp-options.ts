/** `extra_dhcp_opts` of ports (neutron/db/extradhcpopt_db.py). */
import { Fault } from '#domain/faults.ts';
import type { Port } from '#store/tables/ports.ts';

type Option = Port['extra_dhcp_opts'][number];
export type WantedOption = {
  readonly opt_name: string;
  /** null: none any longer. */
  readonly opt_value: string | null;
  readonly ip_version?: 4 | 6 | undefined;
};

/** Neutron has no limit for them. */
const mostOptions = 50;
const mayBeBlank: ReadonlySet<string> = new Set(['router', 'classless-static-route']);

/** Those that are not named stay, as in Neutron. @throws Fault `badRequest` */
export function dhcpOptionsWith(current: readonly Option[], wanted: readonly WantedOption[]): Option[] {
  const keyOf = ({ opt_name, ip_version = 4 }: Pick<WantedOption, 'opt_name' | 'ip_version'>) => `${ip_version} ${opt_name}`;
  const options = new Map(current.map((option) => [keyOf(option), option]));
  for (const option of wanted) {
    const { opt_name, opt_value, ip_version = 4 } = option;
    if (opt_value === null) options.delete(keyOf(option));
    else if (opt_value.trim() !== '' || mayBeBlank.has(opt_name)) options.set(keyOf(option), { opt_name, opt_value, ip_version });
    else throw new Fault('badRequest', { detail: `Invalid data format for extra-dhcp-opt: '${opt_name}' must have a value.` });
  }
  if (options.size > mostOptions) throw new Fault('badRequest', { detail: `A port can have ${mostOptions} extra_dhcp_opts.` });
  return [...options.values()];
}
