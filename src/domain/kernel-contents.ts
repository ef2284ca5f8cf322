/** The type of a kernel file, detected from its first bytes. */
export type KernelContents = {
  /** `bzImage`: the format that BIOS loaders such as pxelinux boot. */
  format: 'bzImage' | 'EFI program' | 'arm64 Image' | 'ELF' | 'compressed file' | 'unknown';
  /** null: unknown. */
  architecture: string | null;
};

export function describeKernel({ format, architecture }: KernelContents): string {
  if (format === 'unknown') return 'nothing that is known as a kernel';
  return `${/^[aeEA]/.test(format) ? 'an' : 'a'} ${format}${architecture ? ` for ${architecture}` : ''}`;
}
