/** The body of `pxelinux.cfg/01-<mac>`: labels `deploy` and `boot` as the classic template had them, and `local`. */
import { bootFileNames as names } from '../boot-request.ts';
import type { BootRequest } from '../interfaces.ts';
import { appendWords, consoleWords, kernelLine, parameterWords, plain } from '../kernel-line.ts';

type Lines = readonly string[];

/** Placeholder until the deployment knows the root, as in the classic template; a kernel booted with it stops. */
const unknownRoot = `\${ROOT}`;

const defaultLabels = { deploy: 'deploy', instance: 'boot', local: 'local' } as const;

/** Paths are relative to the TFTP root, which may be a chroot or be mapped. */
export function pxelinuxConfig(request: Pick<BootRequest, 'folder' | 'boot' | 'deploy' | 'instance' | 'append'>): string {
  const { folder, boot, deploy, instance, append } = request;
  const labels: Lines[] = [];
  if (deploy) labels.push(deployLabel(folder, deploy.parameters, append));
  if (instance) labels.push(bootLabel(folder, instance.root, append));
  if (boot === 'local') labels.push(['label local', 'localboot 0']);
  return [[`default ${defaultLabels[boot]}`], ...labels].map((lines) => `${lines.join('\n')}\n`).join('\n');
}

/** `ipappend 3`: pxelinux adds `ip=client:server:gateway:netmask` and `BOOTIF=01-<mac>`. */
function deployLabel(folder: string, parameters: Readonly<Record<string, string>>, append: string): Lines {
  const words = [`initrd=${folder}/${names.deployRamdisk}`, ...parameterWords(parameters), ...consoleWords(append)];
  return [
    'label deploy',
    `kernel ${folder}/${names.deployKernel}`,
    `append ${kernelLine([...words, ...appendWords(append)])}`,
    'ipappend 3',
  ];
}

function bootLabel(folder: string, root: string | undefined, append: string): Lines {
  const rootWord = root === undefined ? `root=${unknownRoot}` : plain(`root=${root}`, 'root');
  const words = [`initrd=${folder}/${names.ramdisk}`, rootWord, 'ro', ...appendWords(append)];
  return ['label boot', `kernel ${folder}/${names.kernel}`, `append ${kernelLine(words)}`];
}
