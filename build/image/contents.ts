/** The contents of a Debian 12 user image, as data. */

export const suite = 'bookworm';

export type KernelName = 'cloud' | 'full';

/** Drivers in the initrd: enough to find a root disk; the rest is on that disk. */
export const kernelTable: Readonly<Record<KernelName, { package: string; initrd: 'list' | 'most'; modules: readonly string[] }>> =
  {
    cloud: {
      package: 'linux-image-cloud-amd64',
      initrd: 'list',
      modules: ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'ata_piix', 'ata_generic', 'ext4'],
    },
    full: { package: 'linux-image-amd64', initrd: 'most', modules: [] },
  };

export const packages = [
  'ca-certificates',
  'cloud-guest-utils',
  'cloud-init',
  'dbus',
  'e2fsprogs',
  'initramfs-tools',
  'iproute2',
  'iputils-ping',
  'less',
  'netbase',
  'openssh-server',
  'procps',
  'sudo',
  'systemd-resolved',
  'systemd-sysv',
  'systemd-timesyncd',
  'udev',
  'vim-tiny',
  'zstd',
] as const;

/** Excludes manuals and translations; licences stay. */
export const pathRules = [
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/locale/*',
  'path-exclude=/usr/share/i18n/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
] as const;

/** Each delays a server's first minutes, and none is needed for its first login. */
const maskedUnits = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'systemd-binfmt.service',
  // The config drive holds all metadata, so nothing needs to wait for the network.
  'systemd-networkd-wait-online.service',
  'systemd-pstore.service',
] as const;

/**
 * cloud-init with fewer modules: those for other distributions and management systems cost time at every boot. The
 * config drive is its only data source, so no time is spent on querying metadata services.
 */
const cloudConfig = `# Written by the image build.
datasource_list: [ConfigDrive, None]
system_info:
  network:
    renderers: [networkd]
# RSA keys take seconds to find on a slow machine, and every current client knows the others.
ssh_genkeytypes: [ed25519, ecdsa]
growpart:
  mode: auto
  devices: [/]
cloud_init_modules:
  - bootcmd
  - write-files
  - growpart
  - resizefs
  - disk_setup
  - mounts
  - set_hostname
  - update_hostname
  - update_etc_hosts
  - ca-certs
  - users-groups
  - ssh
cloud_config_modules:
  - ssh-import-id
  - set-passwords
  - apt-configure
  - ntp
  - timezone
  - runcmd
cloud_final_modules:
  - package-update-upgrade-install
  - write-files-deferred
  - scripts-vendor
  - scripts-per-once
  - scripts-per-boot
  - scripts-per-instance
  - scripts-user
  - ssh-authkey-fingerprints
  - phone-home
  - final-message
  - power-state-change
`;

/** A clock that is correct a minute after boot is early enough; before that, the first login needs the processor. */
const lateClock = '[Timer]\nOnBootSec=1min\n';

export const rootLabel = 'ingot-root';

/** Files by path; a value that starts with `->` is a symbolic link. They are written before packages are configured. */
export function overlayFiles(kernel: KernelName): Record<string, string> {
  const { initrd, modules } = kernelTable[kernel];
  return {
    '/etc/fstab': `LABEL=${rootLabel} / ext4 errors=remount-ro 0 1\n`,
    '/etc/cloud/cloud.cfg.d/50_ingot.cfg': cloudConfig,
    '/etc/initramfs-tools/conf.d/ingot.conf': `MODULES=${initrd}\nCOMPRESS=zstd\nBUSYBOX=n\nFSTYPE=ext4\nRESUME=none\n`,
    '/usr/share/initramfs-tools/modules.d/ingot': `${modules.join('\n')}\n`,
    '/etc/systemd/journald.conf.d/ingot.conf': '[Journal]\nStorage=persistent\nSystemMaxUse=64M\n',
    '/etc/systemd/system/systemd-timesyncd.timer': lateClock,
    '/etc/systemd/system/timers.target.wants/systemd-timesyncd.timer': '-> ../systemd-timesyncd.timer',
    ...Object.fromEntries(maskedUnits.map((unit) => [`/etc/systemd/system/${unit}`, '-> /dev/null'])),
  };
}

/** A server's boot loader menu: one entry, no delay, on both consoles. `grub.cfg` finds kernels by Debian's links. */
export function grubConfig(rootUuid: string): string {
  return `set timeout=0
search --no-floppy --fs-uuid --set=root ${rootUuid}
linux /vmlinuz root=UUID=${rootUuid} ro console=tty0 console=ttyS0,115200n8
initrd /initrd.img
boot
`;
}
