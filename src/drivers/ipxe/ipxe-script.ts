/** The script that a machine's iPXE fetches from `/boot/ipxe/<mac>`. iPXE expands `${…}`. */
import { bootFileNames as names } from '../boot-request.ts';
import type { BootRequest } from '../interfaces.ts';
import { appendWords, consoleWords, kernelLine, parameterWords, plain } from '../kernel-line.ts';

type Request = Pick<BootRequest, 'folder' | 'boot' | 'deploy' | 'instance' | 'append' | 'addresses'>;

/** The NIC opened last, through which this script was loaded. */
const bootif = `BOOTIF=01-\${netX/mac:hexhyp}`;
const pauseSeconds = 5;

export function ipxeScript(request: Request): string {
  const lines = request.boot === 'local' ? localLines(request) : networkLines(request);
  return `#!ipxe\n${lines.join('\n')}\n`;
}

/**
 * BIOS: boots the first disk, whatever the firmware's boot order; a failure is reported. Then, and always under UEFI,
 * iPXE exits with an error, and the firmware tries its next boot device. With exit status 0, UEFI would treat the boot
 * as successful and stop.
 */
function localLines({ addresses }: Request): string[] {
  return [
    'echo Ingot: this machine boots from its own disk',
    `iseq \${platform} pcbios || exit 1`,
    'sanboot --no-describe --drive 0x80 ||',
    'echo Ingot: nothing starts from the first disk',
    `imgfetch --name told ${addresses.http_url}/boot/disk-failed/\${netX/mac:hexhyp} ||`,
    'exit 1',
  ];
}

/**
 * A failed transfer restarts from the script, so that the machine picks up changed boot files. It retries until it
 * succeeds or the machine is powered off: the deployment has the deadline.
 */
function networkLines({ boot, folder, deploy, instance, append, addresses }: Request): string[] {
  const base = `${addresses.http_url}/boot/files/${folder}`;
  const files =
    boot === 'deploy'
      ? { title: 'deploy ramdisk', kernel: names.deployKernel, ramdisk: names.deployRamdisk }
      : { title: 'installed system', kernel: names.kernel, ramdisk: names.ramdisk };
  const words = boot === 'deploy' ? deployWords(deploy?.parameters ?? {}, append) : instanceWords(instance?.root ?? '', append);
  return [
    `echo Ingot: ${files.title} for \${netX/mac}`,
    ':start',
    'imgfree',
    `kernel --name ${files.kernel} ${base}/${files.kernel} ${kernelLine([`initrd=${files.ramdisk}`, ...words])} || goto failed`,
    `initrd --name ${files.ramdisk} ${base}/${files.ramdisk} || goto failed`,
    'boot || goto failed',
    ':failed',
    `echo Ingot: could not load the ${files.title}; next try in ${pauseSeconds} seconds`,
    `sleep ${pauseSeconds}`,
    `chain --replace --autofree ${addresses.http_url}/boot/ipxe/\${netX/mac:hexhyp} || goto start`,
  ];
}

function deployWords(parameters: Readonly<Record<string, string>>, append: string): string[] {
  return [...parameterWords(parameters), bootif, ...consoleWords(append), ...appendWords(append)];
}

function instanceWords(root: string, append: string): string[] {
  return [plain(`root=${root}`, 'root'), 'ro', bootif, ...appendWords(append)];
}
