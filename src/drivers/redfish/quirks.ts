/** Deviations of services from DSP0266 and its schemas, one row each, with the tolerance that handles them. */

/** Changed behaviour of the driver. None of it harms a service that does not need it. */
export type Tolerance =
  /** Every change of the override includes BootSourceOverrideMode and …Enabled. */
  | 'whole boot request'
  /** Every change of the override includes BootSourceOverrideMode, if the service shows it. */
  | 'mode goes along'
  /** BIOS settings are written to `SD` below the Bios resource if that exists but is not linked. */
  | 'bios settings not linked'
  /** The boot override is written to `SD` below the system if that exists and no settings are linked. */
  | 'boot settings not linked'
  /** BootSourceOverrideMode is never sent: a request for another mode fails with a fault. */
  | 'mode is read-only'
  /** The target for a CD in virtual media is UsbCd, if supported. */
  | 'virtual cd is usb'
  /** An error for the boot override counts only if reading it back shows no effect. */
  | 'boot override despite refusal'
  /** A command sent too early is retried. */
  | 'settles after power off'
  | 'no changes during post'
  /** Inserting fails while an eject is still in progress: retried after a pause. */
  | 'slow eject'
  /** Slots for images uploaded to the BMC are tried last. */
  | 'upload slots last'
  /** A slot with ConnectedVia NotConnected is empty, whatever Image says. */
  | 'image outlives medium';

export type QuirkRow = {
  /** Matched against Manufacturer of the system and Vendor of the service. */
  readonly vendor: RegExp;
  readonly model?: RegExp;
  /** FirmwareVersion of the manager. */
  readonly firmware?: RegExp;
  readonly symptom: string;
  readonly tolerance: Tolerance;
  /** URL of the report. */
  readonly source: string;
};

const ansible = 'https://github.com/ansible-collections/community.general';
const ironic = 'https://opendev.org/openstack/ironic, ironic/drivers/modules/redfish';

export const quirkTable: readonly QuirkRow[] = [
  {
    vendor: /american megatrends|\bami\b|asrock|redfish_compatible/i,
    symptom: 'refuses or ignores a boot override unless mode, enabled and target come together',
    tolerance: 'whole boot request',
    source: `${ironic}/management.py, VENDORS_REQUIRING_FULL_BOOT_REQUEST; ${ansible}/pull/11543`,
  },
  {
    vendor: /american megatrends|\bami\b|gigabyte/i,
    symptom: 'H262 and others: the Bios resource names no SettingsObject, and takes no PATCH; its neighbour SD does',
    tolerance: 'bios settings not linked',
    source: `${ansible}/pull/6434; recorded by https://github.com/Cray-HPE/csm-redfish-interface-emulator (mockups/Gigabyte)`,
  },
  {
    vendor: /american megatrends|\bami\b|asrock|gigabyte/i,
    symptom: 'the override is written to SD below the system, which need not link it: 400 OperationSupportedInFutureStateURI',
    tolerance: 'boot settings not linked',
    source: 'https://github.com/DMTF/Redfish-Tacklebox/issues/111; https://github.com/DMTF/Redfish-Tacklebox/issues/144',
  },
  {
    vendor: /\bhpe?\b|hewlett/i,
    symptom: 'BootSourceOverrideMode is not writable: 400 for the whole request, even where it changes nothing',
    tolerance: 'mode is read-only',
    source: `${ansible}/issues/3509`,
  },
  {
    vendor: /\bhpe?\b|hewlett/i,
    symptom: '400 UnableToModifyDuringSystemPOST for boot overrides while the machine runs its self-test',
    tolerance: 'no changes during post',
    source: `${ironic}/management.py, _is_during_post_error`,
  },
  {
    vendor: /\bhpe?\b|hewlett/i,
    symptom: '400 InvalidOperationForSystemState for a power command shortly after another one',
    tolerance: 'settles after power off',
    source: 'https://opendev.org/openstack/sushy, release note "retry-ilo-not-ready-error"',
  },
  {
    vendor: /\bdell\b/i,
    symptom: 'iDRAC 10: 409 ActionParameterValueConflict for On within seconds after a power off',
    tolerance: 'settles after power off',
    source: `${ironic}/power.py, power_on_conflict_retry_attempts`,
  },
  {
    vendor: /\bdell\b/i,
    symptom: '13th generation: a boot override for UEFI is set, but answered with 400 or with SYS444 and SYS410 in a 200',
    tolerance: 'boot override despite refusal',
    source: `${ansible}/issues/5091`,
  },
  {
    vendor: /\bdell\b/i,
    symptom: 'an eject is answered before it is done: the slot tells of the old image, and the next insert fails with 5xx',
    tolerance: 'slow eject',
    source: 'https://storyboard.openstack.org/#!/story/2008504',
  },
  {
    vendor: /super ?micro/i,
    symptom:
      'a change of the override without BootSourceOverrideMode sets that back to its default; models that do not show it refuse it',
    tolerance: 'mode goes along',
    source: 'https://github.com/DMTF/Redfishtool/pull/106; https://github.com/ironcore-dev/metal-operator/pull/985',
  },
  {
    vendor: /super ?micro/i,
    symptom: 'X11, X12: virtual media are a USB drive, and Cd boots a drive that is not there',
    tolerance: 'virtual cd is usb',
    source: 'https://opendev.org/openstack/sushy, release note "supermicro-vmedia-dev-workaround" and set_system_boot_options',
  },
  {
    vendor: /lenovo/i,
    symptom:
      'ten slots, of which EXT alone fetch images; others (RDOC, Remote) come first in old firmware, and some seem to take one',
    tolerance: 'upload slots last',
    source: 'https://github.com/lenovo/python-redfish-lenovo/issues/21',
  },
  {
    vendor: /super ?micro/i,
    symptom: 'Image and ImageName stay after an eject; ConnectedVia alone tells the truth',
    tolerance: 'image outlives medium',
    source: `${ansible}/issues/6969 and ${ansible}/pull/12537`,
  },
];

/**
 * Behaviour used for every service because it conforms to the specification, and the machines that need it. Listed so
 * that nobody removes it as unnecessary.
 */
export const interoperabilityWorkarounds: readonly {
  readonly practice: string;
  readonly needed: string;
  readonly source: string;
}[] = [
  {
    practice: 'InsertMedia is sent with Image alone, PATCH with Inserted and WriteProtected',
    needed: 'Supermicro refuses Inserted in the action; Lenovo SD530 has no action and needs it in the PATCH',
    source: `${ansible}/pull/4839; https://github.com/stmcginnis/gofish/issues/529; sushy "fix-insert-media-payload"`,
  },
  {
    practice: 'TransferProtocolType is added when the service misses it',
    needed: 'Nokia',
    source: 'sushy, is_transfer_protocol_required',
  },
  {
    practice: 'the next slot is tried after 400, 404, 405 or a slot without a way to insert',
    needed: 'Cisco UCS: slots for its own console; OpenBMC: slots for WebSocket alone',
    source: 'https://bugs.launchpad.net/ironic/+bug/2031595',
  },
  {
    practice: 'a slot for DVD takes a CD',
    needed: 'Cisco UCS B and X blades',
    source: 'https://bugs.launchpad.net/ironic/+bug/2031595',
  },
  {
    practice: 'virtual media are looked for on the system, then on its managers',
    needed: 'iDRAC 9 since 5.10, iDRAC 10; all others',
    source: 'https://github.com/dell/terraform-provider-redfish/issues/331; https://bugs.launchpad.net/sushy/+bug/2039458',
  },
  {
    practice: 'actions are posted with an object as body, be it empty',
    needed: 'HPE iLO: 415 or 400 for EjectMedia without',
    source: 'sushy "fix-eject-media-empty-dict"',
  },
  {
    practice: 'the override is written to the settings resource where that holds it',
    needed: 'Dell iDRAC 10',
    source: 'sushy "check-for-boot-attrs-in-settingsuri", "idrac10-settings-resource"',
  },
  {
    practice: 'an override for good that is refused is set for the next boot alone',
    needed: 'firmware without Continuous',
    source: `${ironic}/management.py, _set_boot_device`,
  },
  {
    practice: 'BootSourceOverrideEnabled goes along always, and is left out after a refusal where it would not change',
    needed: 'Supermicro falls back to Once without; others reject an unchanged value',
    source: 'https://storyboard.openstack.org/#!/story/2008547; https://storyboard.openstack.org/#!/story/2007355',
  },
  {
    practice: 'the only manager or chassis counts as linked; of several those that link the system, or share its name',
    needed: 'Huawei 1288H: no ManagedBy. HPE Cray EX: two or four node cards behind one BMC, linked by the manager alone',
    source: 'sushy "retry-on-missing-managedby"; recorded by https://github.com/Cray-HPE/csm-redfish-interface-emulator',
  },
  {
    practice: 'without redfish_system_id the one of several systems is meant that can be reset',
    needed: 'NVIDIA DGX H100, GH200, GB200: the baseboard of the GPUs is a system, too',
    source: 'recorded by https://github.com/NVIDIA/libredfish (tests/mockups)',
  },
  {
    practice: 'a reset that is not offered is off, then on; "Off" shuts down where nothing else is offered for it',
    needed: 'HPE Cray EX: On, Off and ForceOff are all there is',
    source: 'recorded by https://github.com/Cray-HPE/csm-redfish-interface-emulator',
  },
  {
    practice:
      'virtual media that show no slot are switched on by the action EnableRMedia; slots without MediaTypes go by their Id',
    needed: 'AMI MegaRAC: NVIDIA DGX H100, Gigabyte H262',
    source:
      'recorded by https://github.com/NVIDIA/libredfish and https://github.com/Cray-HPE/csm-redfish-interface-emulator (EnableRMediaActionInfo tells)',
  },
  {
    practice: 'BIOS settings have the display names of the registry where the registry itself uses these for values',
    needed: 'Supermicro X13: the ValueName of 332 of 336 settings is a number, which is not what settings hold',
    source: 'recorded by https://github.com/NVIDIA/libredfish (tests/mockups/supermicro)',
  },
  {
    practice: 'a Bios resource that names no registry has BiosAttributeRegistry, if there is one',
    needed: 'OpenBMC on NVIDIA GH200 and GB200',
    source: 'recorded by https://github.com/NVIDIA/libredfish',
  },
  {
    practice: 'a read that is answered 5xx is asked once more; a task that is gone has ended',
    needed: 'Dell iDRAC 9: 500 and 503 after its start and when asked much; tasks vanish seconds after their end before 7.10.30',
    source:
      'https://github.com/dell/terraform-provider-redfish/issues/337; https://github.com/ironcore-dev/metal-operator/issues/170; https://github.com/dell/iDRAC-Redfish-Scripting/issues/275',
  },
];

export type Make = { readonly vendor: string; readonly model: string; readonly firmware: string };

export function tolerancesFor({ vendor, model, firmware }: Make): ReadonlySet<Tolerance> {
  const rows = quirkTable.filter(
    (row) => row.vendor.test(vendor) && (row.model?.test(model) ?? true) && (row.firmware?.test(firmware) ?? true),
  );
  return new Set(rows.map(({ tolerance }) => tolerance));
}
