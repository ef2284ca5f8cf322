/** Evaluates Ingot's boot files, as far as pxelinux and iPXE would act on them here. */

export type Offer =
  /** Paths are relative to the TFTP root, or URLs. */
  { kind: 'kernel'; label: string; kernel: string; initrd: string; line: string } | { kind: 'local' };

type Label = { kernel?: string; append?: string; ipappend?: number; localboot?: boolean };

/** The default label of a pxelinux configuration. `nic` supplies the values for `ipappend`. */
export function readPxelinux(text: string, nic: { mac: string; ip: string }): Offer {
  const labels = new Map<string, Label>();
  let fallback = '';
  let current: Label = {};
  for (const line of text.split('\n')) {
    const [, word = '', rest = ''] = /^\s*(\S+)\s*(.*)$/.exec(line) ?? [];
    if (word === 'default') fallback = rest;
    if (word === 'label') {
      current = {};
      labels.set(rest, current);
    }
    if (word === 'kernel' || word === 'append') current[word] = rest;
    if (word === 'ipappend') current.ipappend = Number(rest);
    if (word === 'localboot') current.localboot = true;
  }
  const chosen = labels.get(fallback);
  if (!chosen) throw new Error(`the pxelinux configuration has no label '${fallback}'`);
  if (chosen.localboot) return { kind: 'local' };
  const { kernel, append = '', ipappend = 0 } = chosen;
  const initrd = /(?:^|\s)initrd=(\S+)/.exec(append)?.[1];
  if (!kernel || !initrd) throw new Error(`label '${fallback}' has no kernel or no initrd`);
  const added = [
    ...(ipappend & 1 ? [`ip=${nic.ip}`] : []),
    ...(ipappend & 2 ? [`BOOTIF=01-${nic.mac.replaceAll(':', '-')}`] : []),
  ];
  return { kind: 'kernel', label: fallback, kernel, initrd, line: [append, ...added].join(' ') };
}

/** An iPXE script up to its first `boot`, `sanboot` or `exit`. */
export function readIpxe(script: string, mac: string): Offer {
  const text = script.replaceAll(/\$\{netX\/mac:hexhyp\}/g, mac.replaceAll(':', '-')).replaceAll(/\$\{netX\/mac\}/g, mac);
  if (!text.startsWith('#!ipxe\n')) throw new Error('the script does not begin with #!ipxe');
  let kernel: { url: string; line: string } | undefined;
  let initrd: string | undefined;
  for (const line of text.split('\n')) {
    const words = line.split(' || ')[0]?.split(' ') ?? [];
    if (words[0] === 'kernel') kernel = { url: words[3] ?? '', line: words.slice(4).join(' ') };
    if (words[0] === 'initrd') initrd = words[3];
    if (words[0] === 'boot' && kernel && initrd)
      return { kind: 'kernel', label: 'ipxe', kernel: kernel.url, initrd, line: kernel.line };
    if (words[0] === 'exit' || line.includes('sanboot')) return { kind: 'local' };
  }
  throw new Error('the script neither boots nor exits');
}
