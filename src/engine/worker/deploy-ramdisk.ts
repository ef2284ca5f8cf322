/** The kernel and the ramdisk that a machine boots for its agent. */
import { Fault } from '#domain/faults.ts';
import { readDriverInfo } from '#drivers/driver-info.ts';
import type { AgentKind, ImageSource, Instance, NodeFacts } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { EngineSettings } from '../settings.ts';
import type { ImageFetcher } from './image-fetcher.ts';
import { refuseForeignDeployImage } from './operation-images.ts';

const imageId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const imageUrl = /^(https?|file):\/\//i;
const longestUrl = 2048;
const labels = ['kernel', 'ramdisk'] as const;
type Label = (typeof labels)[number];
type Files = Record<Label, string>;

type Parts = {
  readonly store: Store;
  readonly images: Pick<ImageSource, 'file'>;
  readonly fetcher: Pick<ImageFetcher, 'fetch'>;
  readonly settings: EngineSettings;
  readonly signal: AbortSignal;
};
type RamdiskOwner = { instance: Instance | undefined; node: NodeFacts; kind: AgentKind };

/**
 * From the flavor first, then the node, then the settings. A setting may be the path of a file; the others may not,
 * because their author could have any file of this host sent to machines. A node's may be URLs, by the rules of other images.
 * @throws Fault `driverInfo`, `imageUnusable`, `imageRefused`, `imageDownloadFailed`
 */
export async function deployRamdisk(parts: Parts, owner: RamdiskOwner): Promise<Files> {
  const find = async (label: Label) => {
    const ofFlavor = owner.instance?.flavor.extra_specs[`baremetal:deploy_${label}_id`];
    if (ofFlavor !== undefined) return imageFile(parts, label, ofFlavor, owner.kind);
    const own = ofNode(owner.node)?.[label];
    if (own !== undefined && imageUrl.test(own)) return download(parts, label, own);
    if (own !== undefined) return imageFile(parts, label, own, owner.kind);
    const set = filesOf(parts.settings, owner.kind)[label];
    return set === '' || imageId.test(set) ? imageFile(parts, label, set, owner.kind) : set;
  };
  const [kernel, ramdisk] = await Promise.all([find('kernel'), find('ramdisk')]);
  return { kernel, ramdisk };
}

/** Without a download: for `validate`. Throws as `deployRamdisk` does. */
export async function checkDeployRamdisk({ store }: Pick<Parts, 'store'>, node: NodeFacts): Promise<void> {
  const own = ofNode(node);
  if (!own) return;
  for (const label of labels) {
    if (imageUrl.test(own[label])) continue;
    if (!imageId.test(own[label])) throw noImage(label, own[label], 'ingot');
    await refuseForeignDeployImage(store, own[label]);
  }
}

/** Ironic ignores one without the other, which mixes a kernel with modules of another. */
function ofNode(node: NodeFacts): Files | undefined {
  const info = readDriverInfo(node);
  const read = (label: Label) => info.text(`deploy_${label}`).replace(/^glance:\/\//, '');
  const [kernel, ramdisk] = [read('kernel'), read('ramdisk')];
  if (kernel === '' && ramdisk === '') return undefined;
  if (kernel === '' || ramdisk === '') {
    const [one, other] = kernel === '' ? ['ramdisk', 'kernel'] : ['kernel', 'ramdisk'];
    throw info.wrong(`deploy_${one} is set, but deploy_${other} is missing`);
  }
  const long = labels.find((label) => read(label).length > longestUrl);
  if (long) throw info.wrong(`deploy_${long} has more than ${longestUrl} characters`);
  return { kernel, ramdisk };
}

async function download({ images, fetcher, signal }: Parts, use: Label, url: string): Promise<string> {
  const { id } = await fetcher.fetch({ url, use }, signal);
  return images.file(id);
}

async function imageFile({ store, images }: Parts, label: Label, id: string, kind: AgentKind): Promise<string> {
  if (!imageId.test(id)) throw noImage(label, id, kind);
  await refuseForeignDeployImage(store, id);
  return images.file(id);
}

function noImage(label: Label, named: string, kind: AgentKind): Fault {
  const setting = kind === 'ipa' ? `deploy.ipa_${label}` : `deploy.${label}`;
  const wanted =
    `set baremetal:deploy_${label}_id on the flavor to the id of an image, deploy_kernel and deploy_ramdisk in the node's ` +
    `driver_info to image ids or URLs, or the setting ${setting}`;
  const detail = named === '' ? `no ${label} is configured: ${wanted}` : `'${named.slice(0, 100)}' is no image id: ${wanted}`;
  return new Fault('imageUnusable', { image: `(deploy ${label})`, detail });
}

function filesOf(settings: EngineSettings, kind: AgentKind): Files {
  if (kind === 'ipa') return { kernel: settings['deploy.ipa_kernel'], ramdisk: settings['deploy.ipa_ramdisk'] };
  return { kernel: settings['deploy.kernel'], ramdisk: settings['deploy.ramdisk'] };
}
