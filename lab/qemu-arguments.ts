/** QEMU's arguments for one server: firmware, NICs, disk, console, serial number. */
import { driveArguments } from './machine-drives.ts';
import type { Media } from './machine-memory.ts';
import type { BootDevice } from './machine-states.ts';

export type Acceleration = 'kvm' | 'tcg';
export type Firmware = 'bios' | 'uefi';

/** What stays the same over all starts of one machine. */
export type MachineSpec = {
  readonly name: string;
  readonly uuid: string;
  readonly serial: string;
  /** One NIC each, in order; the firmware boots from the first. */
  readonly nics: readonly { readonly mac: string; readonly tap: string }[];
  readonly cpus: number;
  readonly memoryMb: number;
  readonly diskGb: number;
  readonly diskFile: string;
  readonly firmware: Firmware;
  /** UEFI variables. They survive power cycles, as those of a real board do. */
  readonly varsFile: string;
  /** State of its BMC: see machine-memory.ts. */
  readonly memoryFile: string;
  /** Log of the serial console, appended to. */
  readonly consoleFile: string;
  /** QEMU's own output, appended to. */
  readonly logFile: string;
  readonly usualBootOrder: readonly BootDevice[];
  readonly acceleration: Acceleration;
};

/** Inherited descriptors: QMP and the serial console are socket pairs, so they leave no stale paths. */
export const qmpDescriptor = 3;
export const consoleDescriptor = 4;

/**
 * The ROM supports only the PCI id of a virtio 1.0 NIC (1af4:1041), so the device must not offer the older one; QEMU
 * patches the id only into its default ROM, which also carries the UEFI half and takes longer to load.
 */
const pxeRom = '/usr/lib/ipxe/qemu/pxe-virtio.rom';

/** From Debian's package ovmf, without secure boot; `vars` is the content of a new board. */
export const uefiFiles = { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', vars: '/usr/share/OVMF/OVMF_VARS_4M.fd' };

/** Inputs of one start of its firmware. */
export type StartConditions = {
  readonly order: readonly BootDevice[];
  readonly media: Media;
  /** Network boot means HTTP boot (UEFI only). */
  readonly httpBoot?: boolean;
};

export function qemuArguments(spec: MachineSpec, { order, media, httpBoot = false }: StartConditions): string[] {
  const rank = (device: BootDevice) => (order.includes(device) ? `,bootindex=${order.indexOf(device) + 1}` : '');
  return [
    ...['-name', spec.name, '-nodefaults', '-no-user-config', '-display', 'none'],
    // graphics=off makes the firmware use the serial line, as a server's console redirection does.
    ...['-machine', 'pc,graphics=off', '-accel', accelerators[spec.acceleration], '-cpu', cpuModels[spec.acceleration]],
    ...['-smp', String(spec.cpus), '-m', String(spec.memoryMb)],
    ...['-uuid', spec.uuid, '-smbios', `type=1,manufacturer=Ingot,product=Lab server,serial=${spec.serial},uuid=${spec.uuid}`],
    ...firmwareTable[spec.firmware].arguments(spec, httpBoot),
    ...['-boot', 'menu=off,strict=on'],
    // A restart by the guest also ends QEMU: only a new process reads a new boot order.
    ...['-action', 'reboot=shutdown'],
    ...spec.nics.flatMap(({ mac, tap }, index) => [
      ...['-netdev', `tap,id=nic${index},ifname=${tap},script=no,downscript=no`],
      '-device',
      `virtio-net-pci,netdev=nic${index},mac=${mac},disable-legacy=on,${index === 0 ? `romfile=${firmwareTable[spec.firmware].pxeRom}${rank('network')}` : 'rombar=0'}`,
    ]),
    // A crash of the host may cost the disk, a crash of the machine may not: unsafe omits flushes to the host's disk.
    ...['-drive', `if=none,id=disk,file=${plain(spec.diskFile)},format=qcow2,cache=unsafe,discard=unmap,detect-zeroes=unmap`],
    ...['-device', `virtio-blk-pci,drive=disk,serial=${spec.serial}${rank('disk')}`],
    ...driveArguments(media, rank),
    ...['-chardev', `socket,id=console,fd=${consoleDescriptor},logfile=${plain(spec.consoleFile)},logappend=on`],
    ...['-serial', 'chardev:console'],
    ...['-chardev', `socket,id=qmp,fd=${qmpDescriptor}`, '-mon', 'chardev=qmp,mode=control'],
  ];
}

type FirmwareParts = { readonly pxeRom: string; readonly arguments: (spec: MachineSpec, httpBoot: boolean) => string[] };

/** UEFI has its own driver for the NIC and its own PXE, whose DHCP sends client architecture 7 as real servers do. */
const firmwareTable: Record<Firmware, FirmwareParts> = {
  bios: { pxeRom, arguments: () => [] },
  uefi: {
    pxeRom: '',
    arguments: ({ varsFile }, httpBoot) => [
      ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${uefiFiles.code}`],
      ...['-drive', `if=pflash,unit=1,format=raw,file=${plain(varsFile)}`],
      // Its IPv6 PXE would wait for a boot server that the lab's network lacks.
      ...['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
      // HTTP boot is then the first remaining option of a NIC.
      ...(httpBoot ? ['-fw_cfg', 'name=opt/org.tianocore/IPv4PXESupport,string=n'] : []),
    ],
  },
};

/** In QEMU's option lists a comma in a value is doubled. */
export function plain(path: string): string {
  return path.replaceAll(',', ',,');
}

/** `max` has RDRAND: without it the guest's random generator is ready late. */
export const cpuModels: Record<Acceleration, string> = { kvm: 'host', tcg: 'max' };

const accelerators: Record<Acceleration, string> = { kvm: 'kvm', tcg: 'tcg,thread=multi' };
