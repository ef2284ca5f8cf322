/** What the file of a kernel is, by its first bytes. */
export type KernelContents = {
  /** `bzImage`: what BIOS loaders such as pxelinux start. */
  format: 'bzImage' | 'EFI program' | 'arm64 Image' | 'ELF' | 'compressed file' | 'unknown';
  /** null = not known. */
  architecture: string | null;
};

export function describeKernel({ format, architecture }: KernelContents): string {
  if (format === 'unknown') return 'nothing that is known as a kernel';
  return `${/^[aeEA]/.test(format) ? 'an' : 'a'} ${format}${architecture ? ` for ${architecture}` : ''}`;
}
