/** State of a Redfish service besides the board: sessions, tasks, subscriptions, pending settings, versions. */
import type { BmcModel } from '../bmc-model.ts';
import { type BmcProfile, startPowerAction } from '../bmc-profile.ts';
import type { MediaDevice } from '../chassis.ts';
import { EventSource } from './event-source.ts';
import { RedfishSessions } from './redfish-sessions.ts';
import type { RedfishShape } from './redfish-shape.ts';
import { RedfishTasks } from './redfish-tasks.ts';
import { pathsOf, type ServicePaths } from './service-paths.ts';

export type BootOverrideRequest2 = {
  enabled: 'Disabled' | 'Once' | 'Continuous';
  target: string;
  mode: 'Legacy' | 'UEFI';
  httpUri: string | null;
};

export type Volume = {
  readonly name: string;
  readonly raidType: string;
  readonly bytes: number;
  /** Ids. */
  readonly drives: readonly string[];
};

export type StateOptions = {
  readonly bmcModel: BmcModel;
  readonly profile: BmcProfile;
  /** Folder for media and firmware files; undefined = they are only recorded, not downloaded. */
  readonly mediaFolder?: string | undefined;
  readonly onError?: ((error: unknown) => void) | undefined;
};

export class ServiceState {
  readonly bmcModel: BmcModel;
  readonly mediaFolder: string | undefined;
  readonly sessions: RedfishSessions;
  readonly tasks = new RedfishTasks();
  readonly events: EventSource;
  readonly firmware = new Map<string, string>();
  /** By id. */
  readonly volumes = new Map<string, Volume>();
  readonly #starting: (() => void)[] = [];
  readonly pendingBios = new Map<string, string | number | boolean>();
  readonly firstBios: ReadonlyMap<string, string | number | boolean>;
  readonly boot: BootOverrideRequest2;
  /** The last medium of each drive. */
  readonly lastImages = new Map<MediaDevice, string>();
  readonly writeProtected = new Map<MediaDevice, boolean>();
  secureBoot = { enabled: false, keys: true };
  assetTag = '';
  /** Responds with 503 until then; performance.now(). */
  busyUntil = 0;
  /** After a power off, power on is rejected until then; performance.now(). */
  settledAt = 0;
  #profile: BmcProfile;
  #paths: ServicePaths;
  readonly #onError: (error: unknown) => void;
  readonly #forget: (() => void)[];

  constructor({ bmcModel, profile, mediaFolder, onError = () => {} }: StateOptions) {
    this.bmcModel = bmcModel;
    this.mediaFolder = mediaFolder;
    this.#profile = profile;
    this.#paths = pathsOf(profile.redfish);
    this.#onError = onError;
    this.sessions = new RedfishSessions(bmcModel, () => this.#profile);
    this.events = new EventSource(() => this.#profile);
    this.firmware.set('BMC', bmcModel.identity.bmcVersion).set('BIOS', '2.4.1').set('NIC', '22.31.6');
    this.firstBios = new Map(bmcModel.bios);
    const mode = bmcModel.chassis.firmware === 'uefi' ? 'UEFI' : 'Legacy';
    this.boot = { enabled: 'Disabled', target: 'None', mode, httpUri: null };
    this.busyUntil = performance.now() + profile.redfish.startingMs;
    this.#forget = [bmcModel.onChange((what) => this.#changed(what)), bmcModel.onReset(() => this.restart())];
  }

  get profile(): BmcProfile {
    return this.#profile;
  }

  set profile(profile: BmcProfile) {
    this.#profile = profile;
    this.#paths = pathsOf(profile.redfish);
  }

  get shape(): RedfishShape {
    return this.#profile.redfish;
  }

  get paths(): ServicePaths {
    return this.#paths;
  }

  /** Starts a chassis action as the profile says; the lab reports its failure. */
  begin(action: () => void | Promise<void>): void {
    startPowerAction(this.#profile, action, this.#onError);
  }

  /** When the machine starts next. */
  nextStart(): Promise<void> {
    return new Promise((resolve) => this.#starting.push(resolve));
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
    const { log, chassis } = this.bmcModel;
    const isBoot = what === 'power' ? chassis.power() === 'on' : what === 'log' && log.at(-1)?.sensor === 'System Boot';
    if (isBoot) this.#takePendingBios();
    if (isBoot) for (const started of this.#starting.splice(0)) started();
    if (what === 'power' && chassis.power() === 'off') this.settledAt = performance.now() + this.shape.settleMs;
    this.events.publish(what, this);
  }

  /** The firmware reads its settings when it starts. */
  #takePendingBios(): void {
    for (const [name, value] of this.pendingBios) this.bmcModel.bios.set(name, value);
    this.pendingBios.clear();
  }
}
