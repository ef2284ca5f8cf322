/** What a Redfish service knows besides the board: sessions, tasks, subscriptions, pending settings, versions. */
import type { Board } from '../board.ts';
import type { MediaDevice } from '../chassis.ts';
import { obey, type Personality } from '../personality.ts';
import { EventSource } from './event-source.ts';
import { RedfishSessions } from './redfish-sessions.ts';
import type { RedfishShape } from './redfish-shape.ts';
import { RedfishTasks } from './redfish-tasks.ts';
import { pathsOf, type ServicePaths } from './service-paths.ts';

export type BootWish = {
  enabled: 'Disabled' | 'Once' | 'Continuous';
  target: string;
  mode: 'Legacy' | 'UEFI';
  httpUri: string | null;
};

export type StateOptions = {
  readonly board: Board;
  readonly personality: Personality;
  /** Where media and firmware files are put; undefined = they are not fetched, only noted. */
  readonly mediaFolder?: string | undefined;
  readonly onError?: ((error: unknown) => void) | undefined;
};

export class ServiceState {
  readonly board: Board;
  readonly mediaFolder: string | undefined;
  readonly sessions: RedfishSessions;
  readonly tasks = new RedfishTasks();
  readonly events: EventSource;
  readonly firmware = new Map<string, string>();
  readonly pendingBios = new Map<string, string | number | boolean>();
  readonly firstBios: ReadonlyMap<string, string | number | boolean>;
  readonly boot: BootWish;
  /** What was in each drive last. */
  readonly lastImages = new Map<MediaDevice, string>();
  readonly writeProtected = new Map<MediaDevice, boolean>();
  secureBoot = { enabled: false, keys: true };
  assetTag = '';
  /** Until then it answers 503; performance.now(). */
  busyUntil = 0;
  /** Until then after a power off the machine is not switched on again; performance.now(). */
  settledAt = 0;
  #personality: Personality;
  #paths: ServicePaths;
  readonly #onError: (error: unknown) => void;
  readonly #forget: (() => void)[];

  constructor({ board, personality, mediaFolder, onError = () => {} }: StateOptions) {
    this.board = board;
    this.mediaFolder = mediaFolder;
    this.#personality = personality;
    this.#paths = pathsOf(personality.redfish);
    this.#onError = onError;
    this.sessions = new RedfishSessions(board, () => this.#personality);
    this.events = new EventSource(() => this.#personality);
    this.firmware.set('BMC', board.identity.bmcVersion).set('BIOS', '2.4.1').set('NIC', '22.31.6');
    this.firstBios = new Map(board.bios);
    const mode = board.chassis.firmware === 'uefi' ? 'UEFI' : 'Legacy';
    this.boot = { enabled: 'Disabled', target: 'None', mode, httpUri: null };
    this.busyUntil = performance.now() + personality.redfish.startingMs;
    this.#forget = [board.onChange((what) => this.#changed(what)), board.onReset(() => this.restart())];
  }

  get personality(): Personality {
    return this.#personality;
  }

  set personality(personality: Personality) {
    this.#personality = personality;
    this.#paths = pathsOf(personality.redfish);
  }

  get shape(): RedfishShape {
    return this.#personality.redfish;
  }

  get paths(): ServicePaths {
    return this.#paths;
  }

  /** Starts a chassis action as the personality does; its failure is the lab's to report. */
  begin(action: () => void | Promise<void>): void {
    obey(this.#personality, action, this.#onError);
  }

  restart(): void {
    this.sessions.clear();
    this.tasks.close();
    this.busyUntil = performance.now() + this.shape.startingMs;
  }

  close(): void {
    for (const forget of this.#forget) forget();
    this.tasks.close();
    this.events.close();
  }

  #changed(what: 'power' | 'log' | 'media' | 'indicator'): void {
    const { log, chassis } = this.board;
    const isBoot = what === 'power' ? chassis.power() === 'on' : what === 'log' && log.at(-1)?.sensor === 'System Boot';
    if (isBoot) this.#takePendingBios();
    if (what === 'power' && chassis.power() === 'off') this.settledAt = performance.now() + this.shape.settleMs;
    this.events.tell(what, this);
  }

  /** The firmware reads its settings when it starts. */
  #takePendingBios(): void {
    for (const [name, value] of this.pendingBios) this.board.bios.set(name, value);
    this.pendingBios.clear();
  }
}
