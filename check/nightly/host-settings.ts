/**
 * Package registry settings of this machine: read when the nightly run starts, passed to the fresh Debian, never
 * stored.
 */
import { existsSync, readFileSync } from 'node:fs';
import { runCommand } from '#build/run-command.ts';

export type HostSettings = {
  /** Lines of apt's configuration. */
  readonly apt: readonly string[];
  /** Lines of apt's sources; none = Debian's own. */
  readonly sources: readonly string[];
  /** Lines of an .npmrc; may hold secrets. */
  readonly npm: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
};

export const suite = 'bookworm';

/** @param wanted packages of this suite, from the mirror that serves this machine's own suite */
export async function readHostSettings(env: NodeJS.ProcessEnv = process.env, wanted: string = suite): Promise<HostSettings> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)';
  const targets = await runCommand('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const acquire = await runCommand('apt-config', ['dump', 'Acquire']);
  const files = await Promise.all(['globalconfig', 'userconfig'].map((name) => runCommand('npm', ['config', 'get', name])));
  const texts = files.map((file) => file.trim()).filter(existsSync);
  return {
    apt: aptLines(acquire),
    sources: sourceLines(targets, wanted),
    npm: texts.flatMap((file) => npmLines(readFileSync(file, 'utf8'))),
    environment: registryVariables(env),
  };
}

/** Proxies and certificates, from the output of `apt-config dump Acquire`. */
export function aptLines(dump: string): string[] {
  return dump.split('\n').filter((line) => /^Acquire::https?:.*(Proxy|CaInfo|CaPath|Verify)[^ ]* "[^"]/i.test(line));
}

/** Empty if the machine uses Debian's own servers, so that security updates are included as usual. */
export function sourceLines(targets: string, wanted: string = suite): string[] {
  const rows = targets.split('\n').map((line) => line.trim().split(' '));
  const mirrors = rows.filter(([uri = '', release = '', , origin]) => origin === 'Debian' && release.startsWith(suite) && uri);
  if (mirrors.every(([uri = '']) => /^https?:\/\/(deb|security)\.debian\.org\//.test(uri))) return [];
  const chosen = wanted === suite ? mirrors : mirrors.filter(([, release]) => release === suite);
  return [
    ...new Set(chosen.map(([uri, release, component]) => `deb ${uri} ${wanted === suite ? release : wanted} ${component}`)),
  ];
}

/**
 * Registries, their credentials, proxies and certificates; other personal settings do not belong on a fresh machine.
 */
export function npmLines(text: string): string[] {
  const wanted =
    /^\s*(registry|@[\w.-]+:registry|cafile|ca(\[\])?|proxy|https-proxy|http-proxy|noproxy|strict-ssl|\/\/[^=]+)\s*=/;
  return text.split('\n').filter((line) => wanted.test(line));
}

function registryVariables(env: NodeJS.ProcessEnv): Record<string, string> {
  const wanted = /^((https?|no|all)_proxy|npm_config_(registry|cafile|proxy|https_proxy|noproxy|strict_ssl))$/i;
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => wanted.test(entry[0]) && !!entry[1]),
  );
}
