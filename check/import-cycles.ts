type Module = { readonly path: string; readonly imports: readonly { readonly target: string | undefined }[] };

/** Import cycles: each one once, as the list of its files, with the first repeated at the end. */
export function findCycles(modules: readonly Module[]): string[][] {
  const targets = new Map(modules.map(({ path, imports }) => [path, imports.flatMap(({ target }) => target ?? [])]));
  const finished = new Set<string>();
  const cycles: string[][] = [];

  const visit = (path: string, way: readonly string[]): void => {
    if (finished.has(path)) return;
    const start = way.indexOf(path);
    if (start >= 0) {
      cycles.push([...way.slice(start), path]);
      return;
    }
    for (const target of targets.get(path) ?? []) visit(target, [...way, path]);
    finished.add(path);
  };

  for (const { path } of modules) visit(path, []);
  return cycles;
}
