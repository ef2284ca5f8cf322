/** Canonical names of processor architectures, as in the kernel; Glance, Debian and UEFI use other names for some. */
const architectureAliases: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  'x86-64': 'x86_64',
  x64: 'x86_64',
  arm64: 'aarch64',
  i386: 'i686',
  x86: 'i686',
  i486: 'i686',
  i586: 'i686',
  x86_32: 'i686',
};

/** Architectures that Nova knows and whose firmware has its own way to boot disks. */
const known: ReadonlySet<string> = new Set([
  ...['x86_64', 'i686', 'aarch64', 'arm', 'ia64', 'riscv32', 'riscv64', 'loongarch32', 'loongarch64'],
  ...['ppc64', 'ppc64le', 's390x', 'mips64', 'mips64el', 'sparc64'],
]);

/** undefined for an unknown name, on which no decision can be based. */
export function knownArchitecture(architecture: string): string | undefined {
  const name = canonicalArchitecture(architecture).replace(/^arm(hf|v[67]).*$/, 'arm');
  return known.has(name) ? name : undefined;
}

export function canonicalArchitecture(architecture: string): string {
  const name = architecture.trim().toLowerCase();
  return architectureAliases[name] ?? name;
}
