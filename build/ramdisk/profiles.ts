/** Contents of the deploy ramdisk, as data. */
export type ProfileName = 'lab' | 'metal';

export type Profile = {
  readonly help: string;
  readonly kernelPackage: string;
  /** Module names, or folders below `kernel/` with a trailing slash. Dependencies are added automatically. */
  readonly modules: readonly string[];
  /** Likewise; loaded by the agent when it needs them, so that they cost no time at boot. */
  readonly laterModules: readonly string[];
  readonly firmwarePackages: readonly string[];
  /** zstd level of the base layer: trades size for build time. */
  readonly level: number;
};

/** Loading raid456 measures the processor for about a second. */
const raidModules = ['raid0', 'raid1', 'raid10', 'raid456'];

export const profileTable: Readonly<Record<ProfileName, Profile>> = {
  lab: {
    help: "Debian's cloud kernel: virtio disks and NICs, NVMe, IDE; for virtual machines",
    kernelPackage: 'linux-image-cloud-amd64',
    modules: ['virtio_pci', 'virtio_net', 'virtio_blk', 'virtio_scsi', 'virtio_rng', 'sd_mod', 'ata_piix', 'ata_generic'],
    laterModules: raidModules,
    firmwarePackages: [],
    level: 19,
  },
  metal: {
    help: "Debian's full kernel with server NIC, NVMe, SATA, SAS and RAID drivers and the free firmware",
    kernelPackage: 'linux-image-amd64',
    modules: [
      'drivers/net/ethernet/',
      'drivers/net/usb/',
      'drivers/virtio/',
      'drivers/nvme/host/',
      'drivers/ata/',
      'drivers/scsi/',
      'drivers/message/fusion/',
      'drivers/block/mtip32xx/',
      'drivers/usb/host/',
      'drivers/usb/storage/',
      'drivers/hid/usbhid/',
      'drivers/net/hyperv/',
      'drivers/net/vmxnet3/',
      'virtio_net',
      'virtio_blk',
      'virtio_rng',
      'hv_storvsc',
      'xen-netfront',
      'xen-blkfront',
      'ipmi_si',
      'ipmi_devintf',
      'hid_generic',
    ],
    laterModules: raidModules,
    firmwarePackages: ['firmware-linux-free'],
    level: 19,
  },
};

/** Debian packages of the programs and libraries below. */
export const programPackages = [
  'busybox-static',
  'fdisk',
  'mdadm',
  'util-linux',
  'tgt',
  'libaio1',
  'libatomic1',
  'libblkid1',
  'libc6',
  'libcap2',
  'libfdisk1',
  'libgcc-s1',
  'libgcrypt20',
  'libgpg-error0',
  'libibverbs1',
  'liblz4-1',
  'liblzma5',
  'libmount1',
  'libnl-3-200',
  'libnl-route-3-200',
  'libpcre2-8-0',
  'librdmacm1',
  'libreadline8',
  'libselinux1',
  'libsmartcols1',
  'libstdc++6',
  'libsystemd0',
  'libtinfo6',
  'libudev1',
  'libuuid1',
  'libzstd1',
  'zlib1g',
  'zstd',
] as const;

/** Programs of the ramdisk that come from packages; busybox provides the rest under its own names. */
export const programs = [
  'bin/busybox',
  'sbin/blkdiscard',
  'sbin/blkid',
  'sbin/blockdev',
  'sbin/mdadm',
  'sbin/sfdisk',
  'sbin/wipefs',
  'usr/bin/zstd',
  'usr/sbin/tgtadm',
  'usr/sbin/tgtd',
] as const;
