/**
 * Describes the last activity of a machine that an operation waits for, and the likely cause of the delay. Two tables:
 * problems on the way (first match wins), otherwise the furthest stage reached.
 */
import type { PowerState } from '#domain/power-states.ts';
import { type BootSigns, type Clue, type ClueSign, rank, type Sign, type Stage } from './boot-signs.ts';

export type Explanation = {
  /** For display, with the time. */
  readonly seen: string;
  /** The most likely cause, and the remedy. */
  readonly cause: string;
};
export type Facts = {
  /** Power state reported by the BMC, if it was read. */
  readonly power?: PowerState | undefined;
  /** Seconds since the last message of the agent. */
  readonly silentSeconds?: number;
};

type Cause = { readonly short: string; readonly cause: string };

const findServer =
  'Find it, for instance with `nmap --script broadcast-dhcp-discover -e INTERFACE`, and take it off this network.';
const console_ = 'Its console log shows how far it came.';

type ClueRow = {
  readonly clue: Clue;
  readonly when?: (clue: ClueSign, signs: BootSigns) => boolean;
  readonly report: (clue: ClueSign, signs: BootSigns) => Cause;
};

const clueTable: readonly ClueRow[] = [
  {
    clue: 'foreign server',
    // A silent ramdisk may have taken the other server's offer: Ingot sees only the rejection.
    when: ({ isPast }, signs) => !isPast || signs.stage === 'ramdisk taken',
    report: ({ sign, count }) => ({
      short: 'another DHCP server answers on the provisioning network',
      cause: `Another DHCP server answers on the provisioning network: the machine took its offer of ${addressOf(sign)} and was refused here (DHCPNAK, wrong server-ID, ${times(count)}). ${findServer}`,
    }),
  },
  {
    clue: 'no loader',
    report: ({ sign }) => ({ short: 'no boot loader for its firmware', cause: `The machine ${sign.message}.` }),
  },
  {
    clue: 'other NIC',
    // A ramdisk sends requests through all NICs.
    when: (_, signs) => !signs.hasReached('address'),
    report: ({ sign }) => ({
      short: `it asks through the NIC ${sign.data['mac']}, which is not to boot`,
      cause: `The machine asked for an address through the NIC ${sign.data['mac']}, which has a port of this node that is not to boot: set pxe_enabled of that port to true, or let the firmware boot from another NIC.`,
    }),
  },
  {
    clue: 'declined',
    report: ({ sign }) => ({
      short: 'its address is in use by another machine',
      cause: `Another machine on the network uses ${addressOf(sign)}, so this one declined it (DHCPDECLINE). Take the address away from that machine, or give the server another one.`,
    }),
  },
  {
    clue: 'no address',
    report: ({ sign }, signs) => ({
      short: 'no address for it',
      cause: `The machine asked for an address and dnsmasq had none for it (${sign.data['reason']})${complaintOf(signs)}. Where the pool is exhausted, make provisioning.pool larger; where its fixed address is taken, free that address.`,
    }),
  },
  {
    clue: 'complaint',
    when: (_, { unknownMacs }) => unknownMacs.size === 0,
    // The problem may have cleared, and another may be the cause.
    report: ({ sign }, signs) => ({
      short: sign.message,
      cause: `The boot server had trouble: ${sign.message}. Its log has more. If that is over: ${stageTable[signs.stage](signs).cause}`,
    }),
  },
  {
    clue: 'missing file',
    report: ({ sign }) => ({
      short: 'it asked for a file that is not there',
      cause: `The machine ${sign.message}. Where it is a file of Ingot, begin the operation anew, which lays the boot files again; where it is not, another DHCP or proxy DHCP server sent the machine there.`,
    }),
  },
  {
    clue: 'refused agent',
    report: ({ sign }) => ({
      short: 'its agent was refused',
      cause: `The ramdisk runs, and its agent was refused: ${sign.message}. Where it came from an address that was not given here, another DHCP server answered the ramdisk.`,
    }),
  },
  {
    clue: 'refused request',
    when: (_, signs) => !signs.hasReached('ramdisk taken'),
    report: ({ sign }) => ({
      short: 'a request for boot files was refused',
      cause: `A request for boot files was refused: ${sign.message}.`,
    }),
  },
  {
    clue: 'own system',
    when: (_, signs) => !signs.hasReached('loader begun'),
    report: ({ sign }) => ({
      short: 'an installed system booted instead of the network',
      cause: `Not the firmware but an operating system asked for the address${vendorOf(sign)}: the machine booted from its own disk. Its firmware ignored the network boot that the BMC was told; check boot order and boot mode (BIOS or UEFI) in its setup.`,
    }),
  },
  {
    clue: 'broken transfer',
    report: ({ sign, count }) => ({
      short: `a transfer broke off: ${sign.subject}`,
      cause: `The machine ${sign.message} (${times(count)}): packets are lost on the way, as with a bad cable, a duplex or MTU mismatch, or a firewall that lets the request through and not the data.`,
    }),
  },
  {
    clue: 'starts over',
    report: ({ count }, signs) => ({
      short: `it starts over (${times(count)})`,
      cause: signs.hasReached('ramdisk begun')
        ? `The machine took kernel and ramdisk and then began its boot anew (${times(count)}): too little memory for the ramdisk, a kernel that does not run on this machine, or a watchdog. ${console_}`
        : signs.hasReached('kernel begun')
          ? `The boot loader took the kernel and then began anew (${times(count)}): the kernel file is damaged or for another architecture, or memory is short. ${console_}`
          : `The boot loader was taken and the machine then began its boot anew (${times(count)}): the loader found no NIC or no address. Update the firmware of the NIC, or use another boot mode. ${console_}`,
    }),
  },
];

/** Likely causes by stage, if no particular problem is known. */
const stageTable: Readonly<Record<Stage, (signs: BootSigns) => Cause>> = {
  nothing: (signs) => reportNothing(signs),
  discover: () => ({
    short: 'it asked for an address',
    cause:
      'The machine asked for an address (DHCPDISCOVER or DHCPREQUEST), and no offer followed: the log of Ingot has the lines of dnsmasq.',
  }),
  offer: ({ furthestSign }) => ({
    short: 'it was offered an address',
    cause: `The machine was offered ${addressOf(furthestSign)} and never asked for it: the offers do not reach it (VLAN, spanning tree, DHCP snooping, a firewall on this host), or it took the offer of another DHCP server. ${findServer}`,
  }),
  address: ({ furthestSign }) => ({
    short: `it has the address ${addressOf(furthestSign)}`,
    cause:
      'The machine got its address from here and never asked for its boot file: TFTP (UDP port 69) or, with HTTP boot, the HTTP port of the provisioning address is blocked between, or another (proxy) DHCP server gave it another boot file.',
  }),
  'loader begun': () => ({
    short: 'it began to take the boot loader',
    cause:
      'The transfer of the boot loader began and did not end: packets are lost on the way, or a firewall lets TFTP requests (UDP port 69) through and not the data, which comes from other UDP ports.',
  }),
  'loader taken': ({ furthestSign }) => ({
    short: 'it took the boot loader',
    cause: /pxelinux|ldlinux/.test(furthestSign?.subject ?? '')
      ? 'The machine took pxelinux and not its configuration: pxelinux does not run on this firmware, or lost the network. Its console shows more.'
      : `The machine took iPXE and not its script: iPXE has no driver for this NIC, got no address of its own, or cannot reach the HTTP port of the provisioning address. ${console_}`,
  }),
  'script taken': () => ({
    short: 'it took its boot script',
    cause: `The machine took its boot script and never asked for the kernel: the boot loader stopped, or cannot reach the boot server by HTTP or TFTP. ${console_}`,
  }),
  'kernel begun': () => ({
    short: 'it began to take the kernel',
    cause:
      'The transfer of the kernel began and did not end: the network is slow or loses packets, or the machine stopped or was restarted meanwhile.',
  }),
  'kernel taken': () => ({
    short: 'it took the kernel',
    cause: `The machine took the kernel and never asked for the ramdisk: the boot loader did not accept the kernel (is it one, and for this architecture?), or memory is short. ${console_}`,
  }),
  'ramdisk begun': () => ({
    short: 'it began to take the ramdisk',
    cause:
      'The transfer of the ramdisk began and did not end: the network is slow or loses packets, the machine has too little memory for it, or it stopped or was restarted meanwhile.',
  }),
  'ramdisk taken': () => ({
    short: 'it took kernel and ramdisk',
    cause: `Kernel and ramdisk were taken, and nothing was heard of the ramdisk: the kernel may have stopped, may lack a driver for the NIC, or memory is too small to unpack the ramdisk. ${console_}`,
  }),
  'ramdisk network': ({ furthestSign }) => ({
    short: `its ramdisk runs and has the address ${addressOf(furthestSign)}`,
    cause: `The ramdisk runs and got its address from here, and its agent never reported: it cannot reach the HTTP or HTTPS port of the provisioning address (a firewall on this host?), or it ended. ${console_}`,
  }),
  agent: () => ({
    short: 'its ramdisk reported',
    cause:
      'The ramdisk was alive and fell silent: the machine may have crashed or lost its network. Its console log shows the last output.',
  }),
};

/** An agent counts as silent after this time (seconds); it sends two messages a minute, and more while it works. */
const agentPause = 60;

/** A machine that is powered off explains every silence. */
export function explain(signs: BootSigns, { power, silentSeconds = Number.POSITIVE_INFINITY }: Facts = {}): Explanation {
  const seen = `${reportSeen(signs)}${power ? `; its BMC says "${power}"` : ''}`;
  if (power === 'power off') return { seen, cause: reportOff(signs) };
  if (signs.stage === 'agent' && silentSeconds < agentPause) return { seen, cause: stillAtWork };
  const { cause } = causeOf(signs);
  return { seen, cause: power === 'power on' ? `${cause} ${reportOn(signs)}`.trim() : cause };
}

/** For an agent that is executing a command. */
export function reportSilence(seconds: number, power?: PowerState): string {
  const silent = `the agent fell silent ${seconds} s ago`;
  if (power === 'power off')
    return `${silent}; the machine is off, as its BMC says: it lost power, was switched off, or shut down`;
  if (power === 'power on')
    return `${silent}; the machine is on, as its BMC says: it crashed, hangs, or lost its network, and its console log shows the last output`;
  return silent;
}

/** A summary in a few words: `it took the kernel`. */
export function summarize(signs: BootSigns): string {
  return causeOf(signs).short;
}

const stillAtWork =
  'The ramdisk still answers, so the machine is at work: disk or network are slower than the deadline allows (deploy.image_timeout, clean.timeout).';

/** The problem on the way; undefined if none is known. */
export function troubleOf(signs: BootSigns): (Cause & { clue: Clue }) | undefined {
  for (const { clue, when, report } of clueTable) {
    const found = signs.clue(clue);
    if (found && (when?.(found, signs) ?? true)) return { clue, ...report(found, signs) };
  }
  return undefined;
}

function causeOf(signs: BootSigns): Cause {
  return troubleOf(signs) ?? stageTable[signs.stage](signs);
}

function reportNothing({ unknownMacs }: BootSigns): Cause {
  const wrongMac = `Nothing was heard of its MAC addresses, but others asked for an address meanwhile: ${[...unknownMacs.values()].join('; ')}. If one of these is this machine, correct the MAC of its port.`;
  if (unknownMacs.size > 0)
    return { short: `nothing was heard of its MACs; unknown ones asked: ${[...unknownMacs.keys()].join(', ')}`, cause: wrongMac };
  return {
    short: 'nothing was heard of its MACs yet',
    cause:
      'Nothing was heard of its MAC addresses: check that the enrolled MACs are right, that the NIC boots from the network first, and that its switch port is on the provisioning network (spanning tree may hold it back).',
  };
}

function reportOff({ stage }: BootSigns): string {
  const when = stage === 'nothing' ? 'before anything was heard of it' : 'since then';
  return `The machine is off, as its BMC says: it lost power, was switched off, or shut down ${when}. Check its power feed and the log of its BMC (\`baremetal node passthru call NODE log\`).`;
}

function reportOn({ stage }: BootSigns): string {
  return stage === 'nothing'
    ? 'The machine is on, as its BMC says: it may have booted something else, or stopped in its firmware setup.'
    : '';
}

/** The latest event, and the one of the furthest stage if different. */
function reportSeen({ lastSign, furthestSign, stage }: BootSigns): string {
  if (!lastSign) return 'nothing from this machine';
  const last = `${lastSign.message} (${lastSign.at})`;
  const reportsMore = furthestSign && furthestSign !== lastSign && rank(stage) > rank('address');
  return reportsMore ? `${last}; before, it ${furthestSign.message} (${furthestSign.at})` : last;
}

function complaintOf(signs: BootSigns): string {
  const complaint = signs.clue('complaint')?.sign.data['complaint'];
  return complaint === undefined ? '' : `: ${complaint}`;
}

function addressOf(sign: Sign | undefined): string {
  return String(sign?.data['address'] ?? 'an address');
}

function vendorOf({ data }: Sign): string {
  return data['vendor_class'] === undefined ? '' : ` (vendor class ${data['vendor_class']})`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
