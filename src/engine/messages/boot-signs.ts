/**
 * What is known of a machine's boot since it was last powered on, derived from the event record: the furthest stage,
 * and the problems on the way. `diagnosis.ts` interprets it.
 */
import type { Event } from '#store/tables/events.ts';

export type Sign = Pick<Event, 'kind' | 'subject' | 'message' | 'data' | 'at'>;

/** In boot order; a machine may skip some. */
export const stages = [
  ...(['nothing', 'discover', 'offer', 'address', 'loader begun', 'loader taken', 'script taken'] as const),
  ...(['kernel begun', 'kernel taken', 'ramdisk begun', 'ramdisk taken', 'ramdisk network', 'agent'] as const),
] as const;
export type Stage = (typeof stages)[number];

export const clues = [
  ...([
    'foreign server',
    'other NIC',
    'no address',
    'declined',
    'no loader',
    'complaint',
    'missing file',
    'broken transfer',
  ] as const),
  ...(['refused request', 'refused agent', 'own system', 'starts over'] as const),
] as const;
export type Clue = (typeof clues)[number];

/** `sign`: the latest of its kind. `isPast`: the machine has since made progress. */
export type ClueSign = { readonly sign: Sign; readonly isPast: boolean; readonly count: number };

type Part = 'loader' | 'script' | 'kernel' | 'ramdisk';
type Transfer = { part: Part; state: 'begun' | 'taken' | 'broken' | 'missing' };

const partTable: readonly (readonly [RegExp, Part])[] = [
  [/^(?:pxelinux\.0|ldlinux\.c32|undionly\.kpxe|snponly\.efi|\/boot\/firmware\/.+)$/, 'loader'],
  [/^(?:pxelinux\.cfg\/01-.+|\/boot\/ipxe\/.+)$/, 'script'],
  [/\/(?:deploy_)?kernel$/, 'kernel'],
  [/\/(?:deploy_)?ramdisk$/, 'ramdisk'],
];

const tftpStates: Readonly<Record<string, Transfer['state']>> = {
  begun: 'begun',
  ended: 'begun',
  sent: 'taken',
  missing: 'missing',
  failed: 'broken',
};

/** Problems that are over once a machine has an address. */
const pastWithAddress: readonly Clue[] = ['other NIC', 'no address', 'declined', 'complaint'];
/** Problems that are over once a machine fetches a file. */
const pastWithTransfer: readonly Clue[] = ['complaint', 'no loader', 'own system'];
/**
 * pxelinux tries a series of configuration names and iPXE one script name; other file names were given to the machine.
 */
const triedAnyway = /^(?:pxelinux\.cfg\/|autoexec\.ipxe$)/;
const unknownMacsMax = 8;
/** Former versions recorded the second; an operation that was resumed after an upgrade has such events. */
const refusalSubjects: ReadonlySet<string> = new Set(['other machine', 'stranger']);

export class BootSigns {
  #furthest: Stage = 'nothing';
  #furthestSign: Sign | undefined;
  #last: Sign | undefined;
  readonly #clues = new Map<Clue, ClueSign>();
  readonly #reported = new Set<Clue>();
  /** Unknown MACs that requested an address while this machine sent nothing; the message by MAC. */
  readonly #unknownMacs = new Map<string, string>();

  get stage(): Stage {
    return this.#furthest;
  }

  /** The event by which the furthest stage was reached. */
  get furthestSign(): Sign | undefined {
    return this.#furthestSign;
  }

  get lastSign(): Sign | undefined {
    return this.#last;
  }

  clue(name: Clue): ClueSign | undefined {
    return this.#clues.get(name);
  }

  get unknownMacs(): ReadonlyMap<string, string> {
    return this.#unknownMacs;
  }

  hasReached(stage: Stage): boolean {
    return rank(this.#furthest) >= rank(stage);
  }

  /** True if this clue is new: each is reported once. */
  isNews(clue: Clue): boolean {
    const isNew = !this.#reported.has(clue);
    this.#reported.add(clue);
    return isNew;
  }

  /** Rebuilt after a restart. @param events oldest first */
  static of(events: readonly Sign[]): BootSigns {
    const signs = new BootSigns();
    for (const event of events) signs.take(event);
    return signs;
  }

  /** @returns whether to report it: not if the MAC was already reported, or beyond the limit */
  takeUnknownMac(mac: string, message: string): boolean {
    if (this.#furthest !== 'nothing' || this.#unknownMacs.has(mac) || this.#unknownMacs.size >= unknownMacsMax) return false;
    this.#unknownMacs.set(mac, message);
    return true;
  }

  take(sign: Sign): void {
    if (sign.kind === 'dhcp') this.#takeDhcp(sign);
    else if (sign.kind === 'tftp' || sign.kind === 'http') this.#takeRequest(sign);
    else if (sign.kind === 'agent') this.#reach('agent', sign);
    else if (sign.kind === 'note' && refusalSubjects.has(sign.subject)) this.#takeRefusal(sign);
  }

  #takeDhcp(sign: Sign): void {
    const { subject } = sign;
    if (subject === 'dnsmasq') {
      this.#note('complaint', sign);
      return;
    }
    this.#last = sign;
    if (subject === 'no loader') this.#note('no loader', sign);
    else dhcpTable[subject]?.(this, sign);
  }

  takeDiscover(sign: Sign): void {
    if (isFirmware(sign) && this.hasReached(isIpxe(sign) ? 'script taken' : 'loader taken')) this.#note('starts over', sign);
    const { reason } = sign.data;
    if (reason === undefined) this.takeRequest(sign);
    else this.#noteAt('discover', reason === 'ignored' ? 'other NIC' : 'no address', sign);
  }

  takeRequest(sign: Sign): void {
    if (!isFirmware(sign) && !this.hasReached('loader begun')) this.#note('own system', sign);
    this.#reach('discover', sign);
  }

  takeOffer(sign: Sign): void {
    this.#reach('offer', sign);
  }

  takeAck(sign: Sign): void {
    for (const clue of pastWithAddress) this.#clues.delete(clue);
    if (isFirmware(sign)) this.#clues.delete('own system');
    this.#reach(!isFirmware(sign) && this.hasReached('kernel taken') ? 'ramdisk network' : 'address', sign);
    const foreign = this.#clues.get('foreign server');
    if (foreign) this.#clues.set('foreign server', { ...foreign, isPast: true });
  }

  takeNak(sign: Sign): void {
    this.#reach('discover', sign);
    if (sign.data['reason'] === 'wrong server-ID') this.#note('foreign server', sign);
  }

  takeDecline(sign: Sign): void {
    this.#noteAt('discover', 'declined', sign);
  }

  #takeRequest(sign: Sign): void {
    const transfer = transferOf(sign);
    if (sign.subject === 'dnsmasq') this.#note('complaint', sign);
    else if (!transfer) this.#takeAnswer(sign);
    else if (transfer.state === 'missing') this.#miss(sign);
    else this.#takeTransfer(transfer.part, transfer.state, sign);
  }

  #takeTransfer(part: Part, state: 'begun' | 'taken' | 'broken', sign: Sign): void {
    for (const clue of pastWithTransfer) this.#clues.delete(clue);
    if (state === 'broken') this.#note('broken transfer', sign);
    else this.#clues.delete('broken transfer');
    if (state === 'taken') for (const clue of ['missing file', 'refused request'] as const) this.#clues.delete(clue);
    // A boot loader that requests its script again could not boot with it.
    if (part === 'script' && this.hasReached('kernel begun')) this.#note('starts over', sign);
    this.#reach(stageOf(part, state), sign);
  }

  #miss(sign: Sign): void {
    this.#last = sign;
    this.#note('missing file', sign);
  }

  /** Rejected requests from the machine's own address. */
  #takeAnswer(sign: Sign): void {
    const { status, outcome } = sign.data;
    this.#last = sign;
    if (outcome === 'missing' && !triedAnyway.test(sign.subject)) this.#miss(sign);
    if (typeof status === 'number' && status >= 400)
      this.#note(/\/agent\//.test(sign.subject) ? 'refused agent' : 'refused request', sign);
  }

  #takeRefusal(sign: Sign): void {
    this.#note(/presented the agent token|posted the deploy key/.test(sign.message) ? 'refused agent' : 'refused request', sign);
  }

  #reach(stage: Stage, sign: Sign): void {
    this.#last = sign;
    if (rank(stage) < rank(this.#furthest)) return;
    this.#furthest = stage;
    this.#furthestSign = sign;
  }

  #noteAt(stage: Stage, clue: Clue, sign: Sign): void {
    this.#reach(stage, sign);
    this.#note(clue, sign);
  }

  #note(clue: Clue, sign: Sign): void {
    const count = (this.#clues.get(clue)?.count ?? 0) + 1;
    this.#clues.set(clue, { sign, isPast: false, count });
  }
}

const dhcpTable: Readonly<Record<string, (signs: BootSigns, sign: Sign) => void>> = {
  DHCPDISCOVER: (signs, sign) => signs.takeDiscover(sign),
  DHCPOFFER: (signs, sign) => signs.takeOffer(sign),
  DHCPREQUEST: (signs, sign) => signs.takeRequest(sign),
  DHCPACK: (signs, sign) => signs.takeAck(sign),
  DHCPNAK: (signs, sign) => signs.takeNak(sign),
  DHCPDECLINE: (signs, sign) => signs.takeDecline(sign),
};

export function rank(stage: Stage): number {
  return stages.indexOf(stage);
}

/** RFC 4578 and UEFI: firmware and iPXE identify themselves in option 60, operating systems do not. */
function isFirmware({ data }: Sign): boolean {
  return /^(?:PXE|HTTP)Client/.test(String(data['vendor_class'] ?? ''));
}

/** iPXE's user class, option 77. */
function isIpxe({ data }: Sign): boolean {
  return data['user_class'] === 'iPXE';
}

function transferOf({ kind, subject, data }: Sign): Transfer | undefined {
  const part = partTable.find(([pattern]) => pattern.test(subject))?.[1];
  if (!part) return undefined;
  if (kind === 'tftp') {
    const state = tftpStates[String(data['outcome'])];
    return state && { part, state };
  }
  if (data['complete'] === false) return { part, state: 'broken' };
  if (data['bytes'] !== undefined) return { part, state: 'taken' };
  return data['total'] === undefined ? undefined : { part, state: 'begun' };
}

function stageOf(part: Part, state: 'begun' | 'taken' | 'broken'): Stage {
  if (part === 'script') return 'script taken';
  return state === 'taken' ? `${part} taken` : `${part} begun`;
}
